//go:build !race

package conn_test

const racing = false

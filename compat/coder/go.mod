module github.com/seed60239977/websocket/compat/coder

go 1.26.0

require github.com/seed60239977/websocket v0.0.0

replace github.com/seed60239977/websocket => ../..

require (
	github.com/coder/websocket v1.8.15
	github.com/stretchr/testify v1.12.1
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

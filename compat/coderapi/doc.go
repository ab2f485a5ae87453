// Package websocket is what the module github.com/seed60239977/websocket/compat/coder hands out: the API of
// github.com/coder/websocket v1.8.15 on the engine of this module. Import that module, or have it replace coder/websocket; its
// documentation says how, and what differs.
//
// The code is here because a module that replaces another cannot import itself: neither of its paths is the one that its
// packages have in the program. So the types that two of its packages share are defined in a third place, and it has aliases.
package websocket

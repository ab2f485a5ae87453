module github.com/seed60239977/websocket/e2e

go 1.26.0

require (
	github.com/chromedp/chromedp v0.22.0
	github.com/creack/pty v1.1.24
	github.com/seed60239977/websocket v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/crypto v0.59.0
)

require (
	github.com/chromedp/cdproto v0.159.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
)

replace github.com/seed60239977/websocket => ../

package autobahn_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/autobahn"
)

// echo sends every message back until the connection ends.
func echo(ctx context.Context, c *websocket.Conn) {
	for {
		kind, data, err := c.Read(ctx)
		if err != nil {
			return
		}
		if err := c.Write(ctx, kind, data); err != nil {
			return
		}
	}
}

func ExampleTestServer() {
	server := httptest.NewServer(websocket.Handler(echo, nil))
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http")

	report, err := autobahn.TestServer(context.Background(), url, &autobahn.Options{
		Agent: "my server",
		Cases: []string{"1.*", "2.*", "5.3"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range report.Results {
		if r.Verdict() == autobahn.Failed {
			fmt.Println(r.Plain())
		}
	}
	fmt.Println(autobahn.Summary(report.Results))
	// Output: 28 OK, 0 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 28
}

// A client is tested by a connection for each case.
func ExampleHandler() {
	suite, err := autobahn.NewHandler(&autobahn.HandlerOptions{Cases: []string{"1.*"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(suite)
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http")

	ctx := context.Background()
	for i := range askCount(ctx, url) {
		c, _, err := websocket.Dial(ctx, url+"/runCase?agent=mine&case="+strconv.Itoa(i+1), nil)
		if err != nil {
			continue // the suite has seen it
		}
		echo(ctx, c)
		_ = c.CloseNow()
	}
	fmt.Println(autobahn.Summary(suite.Report("mine").Results))
	// Output: 16 OK, 0 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 16
}

func askCount(ctx context.Context, url string) int {
	c, _, err := websocket.Dial(ctx, url+"/getCaseCount", nil)
	if err != nil {
		return 0
	}
	defer func() { _ = c.CloseNow() }()
	_, data, err := c.Read(ctx)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(string(data))
	return n
}

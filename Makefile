# The commands themselves stand in README.md and CONTRIBUTING.md.
.PHONY: test check
test: ; go test ./...
check: ; .ci/run

# make demo   shows the relay at work in a lab of network namespaces (root)
# make test   proves it (root)
# make help   lists the rest

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

GO ?= go
BIN := bin
TOOLS := .bin
GOLANGCI_VERSION := v2.15.0
NFPM_VERSION := v2.48.0
CYCLONEDX_VERSION := v1.10.0
GOTESTSUM_VERSION := v1.13.0
FUZZTIME ?= 30s
# Tests that the race detector would distort: allocations, memory, many random messages.
DISTORTED := Alloc|Memory|Random|Million|Mutation|Property|Library|NothingIsKept|CostsNothing
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

export CGO_ENABLED ?= 0

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: ## build the daemon and the lab into bin/
	@echo "building $(BIN)/dhcp-relay and the lab (Go fetches the modules it lacks)"
	@$(GO) build -buildvcs=false -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/dhcp-relay ./cmd/dhcp-lab ./cmd/dhcp-bench ./cmd/dhcp-vm

SMALL ?= $(BIN)/dhcp-relay-small

.PHONY: small
small: ## build the daemon for routers with little memory into bin/dhcp-relay-small (GOARCH=mipsle GOMIPS=softfloat for one of those)
	@CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -tags small,nethttpomithttp2 -ldflags '$(LDFLAGS)' -o $(SMALL) ./cmd/dhcp-relay

.PHONY: demo
demo: deps-demo build ## play the scenes in a lab of network namespaces (DEMO="--once" ends at once)
	@$(BIN)/dhcp-lab demo $(DEMO)

# AGAIN=1, as in CI, runs one or two tests that fail once more, without the others, and
# says so: a shared machine may hold up the best of clocks.
AGAIN ?=
gotest = $(if $(AGAIN),$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION) --format $(if $(filter -v,$(1)),standard-verbose,standard-quiet) --rerun-fails=1 --rerun-fails-max-failures=2 \
  --rerun-fails-abort-on-data-race $(3) --packages="$(2)" -- $(1),$(GO) test $(1) $(2))

.PHONY: test
test: deps-test $(if $(AGAIN),$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)) ## everything: vet, race detector, fuzz seeds, lab, real servers and clients
	@echo "testing with the race detector; real servers and clients run in namespaces"
	@$(GO) vet ./...
	@mkdir -p $(BIN)
	@CGO_ENABLED=1 RELAY_TEST_NOSKIP=$${RELAY_TEST_NOSKIP-1} $(call gotest,-race -timeout 14m,./...,--rerun-fails-run-root-test)
	@echo "testing without it what it would distort: allocations, and a million random messages"
	@$(GO) test -timeout 5m -run '$(DISTORTED)' ./relay/... ./giaddr/... ./metrics/...

.PHONY: soak
soak: ## have faults at random befall a relay under load for SOAK (default 10m; SOAK_SEED plays one again), 20,000 DHCPv6 clients ask at once, a flood come to 3 % of a processor (root)
	@SOAK=$${SOAK:-10m} RELAY_TEST_SOAK=1 RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 0 -run '^(TestSoak|TestKilledAtRandomMoments|TestR9915_ManyClientsAtOnce|TestNeighbourTableIsFull|TestAFloodTakesNothingFromOthers)$$' ./relay

.PHONY: trouble
trouble: deps-test $(if $(AGAIN),$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)) ## have each of some 35 faults befall a relay with an hour of good history; what it must say within a minute, which alert comes, and nothing a minute after the repair; 4 minutes (root)
	@RELAY_TEST_TROUBLE=all RELAY_TEST_NOSKIP=1 $(call gotest,-count=1 -v -timeout 10m -run '^TestToldWithinAMinute$$',./relay/e2e/trouble)

.PHONY: flood
flood: ## have 1,000 clients log in beside floods of all kinds, by a relay with 1, 0.25 and 0.03 processors, 5 minutes of a quiet machine (root; FLOOD="DHCPv6, solicits, 25" for some)
	@RELAY_TEST_SOAK=1 RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 30m -run '^(TestLoginsInAFlood|TestAFloodTakesNothingFromOthers)$$' ./relay

.PHONY: sustain
sustain: ## offer 10,000 requests a second for SUSTAIN (default 120s), all of them relayed; then as many millions as 2.5 times that gives, within the memory of the first; what it takes to tell ports of a bridge (root)
	@SUSTAIN=$${SUSTAIN:-120s} RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 0 -run '^(TestTenThousandASecond|TestMemoryAfterMillions|TestPortsCostLittle)$$' ./relay

.PHONY: burst
burst: deps-test ## have 200 clients ask real servers at once, ten times, over virtual links, beside dhcrelay; 5 minutes of a quiet machine (root)
	@BURST_ROUNDS=10 RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 30m ./relay/e2e/burst

.PHONY: test-short
test-short: ## what needs neither root nor a minute: for the daily loop
	@$(GO) vet ./...
	@$(GO) test -short ./giaddr ./metrics ./giaddr/hostfile ./relay/agent ./relay/config ./relay/explain ./relay/smartrelay ./relay/offload ./relay/downstream ./relay/senderror ./relay/journal ./relay/wire/... ./relay/observe/...

.PHONY: conformance
conformance: deps-test build ## run the tests and print which requirement each one shows
	@CGO_ENABLED=1 RELAY_TEST_NOSKIP=1 $(GO) test -race -count=1 -json ./... >$(BIN)/test.json || true
	@$(BIN)/dhcp-lab conformance $(BIN)/test.json $(wildcard $(BIN)/vm/test.json)

.PHONY: mutants
mutants: build ## break packages in a sample of places, and see whether their own tests notice, half an hour (root; MUTANTS="--sample 20" for a look)
	@.ci/deps ip
	@$(BIN)/dhcp-lab mutants $(MUTANTS) ./relay/agent ./relay/observe/pending ./relay/observe/status ./relay/smartrelay ./relay/host/udp

.PHONY: lint
lint: $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION) ## run golangci-lint; it also holds the floors of the design
	@$< run ./...

$(TOOLS)/golangci-lint-$(GOLANGCI_VERSION):
	@$(call tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION))

$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION):
	@$(call tool,gotest.tools/gotestsum@$(GOTESTSUM_VERSION))

$(TOOLS)/nfpm-$(NFPM_VERSION):
	@$(call tool,github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION))

$(TOOLS)/cyclonedx-gomod-$(CYCLONEDX_VERSION):
	@$(call tool,github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION))

# tool builds a program from its module, into $@. The network may need a second try.
tool = echo "building $(notdir $@) from its module, once"; mkdir -p $(TOOLS); \
  for pause in 5 30 0; do GOBIN=$(CURDIR)/$(TOOLS) $(GO) install $(1) && break; sleep $$pause; done; mv $(TOOLS)/$(firstword $(subst @, ,$(notdir $(1)))) $@

# What packages are built of, beside the tree: the same again gives the same octets.
PACKAGING = NFPM=$(CURDIR)/$(TOOLS)/nfpm-$(NFPM_VERSION) SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct) COMMITS=$(shell git rev-list --count HEAD)

.PHONY: packages
packages: $(TOOLS)/nfpm-$(NFPM_VERSION) ## build deb, rpm, apk and Arch packages into bin/packages, for amd64, arm64, armhf and riscv64 (ARCHS=amd64 FORMATS=deb for one)
	@rm -rf $(BIN)/packages
	@$(PACKAGING) deploy/packages/build $(VERSION) $(BIN)/packages $(FORMATS)

.PHONY: release
release: export SMALL_TOO = 1
release: packages $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX_VERSION) ## the packages and programs of a tag, with bills of materials (CycloneDX) and SHA256SUMS, into bin/packages
	@for program in $(BIN)/packages/dhcp-relay{,-small}_linux_*; do \
	  $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX_VERSION) bin -json -std -noserial -version "$(VERSION)" -output $$program.cdx.json $$program 2>/dev/null; \
	  sed -i 's/"timestamp": ".*"/"timestamp": "$(shell TZ=UTC git log -1 --date=format-local:%FT%TZ --format=%cd)"/' $$program.cdx.json; \
	done
	@cd $(BIN)/packages && sha256sum * >SHA256SUMS && cat SHA256SUMS

.PHONY: package-test
package-test: $(TOOLS)/nfpm-$(NFPM_VERSION) ## install, upgrade, go back, remove and purge the package on fresh Debian 12 and 13, and take over from isc-dhcp-relay, 5 minutes (root)
	@.ci/deps ip debootstrap lintian
	@mkdir -p $(BIN)/roots
	@NFPM=$(CURDIR)/$< RELAY_TEST_ROOTS=$(CURDIR)/$(BIN)/roots RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 30m -run '^(TestDebianPackage|TestTakesOverFromISC|TestLintian)$$' ./deploy/deploytest

.PHONY: ansible-test
ansible-test: $(TOOLS)/nfpm-$(NFPM_VERSION) ## have Ansible bring up 50 routers from fresh Debian roots, and change them under load, some 15 minutes (root; FLEET=10 for fewer)
	@.ci/deps ip nft debootstrap ansible-playbook ansible-lint
	@mkdir -p $(BIN)/roots
	@mkdir -p $(BIN)/collections/ansible_collections/dhcp && ln -sfn $(CURDIR)/deploy/ansible $(BIN)/collections/ansible_collections/dhcp/relay
	@ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(BIN)/collections ansible-lint --offline --profile production deploy/ansible
	@NFPM=$(CURDIR)/$< RELAY_TEST_ROOTS=$(CURDIR)/$(BIN)/roots RELAY_TEST_FLEET=$${FLEET:-50} RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 150m -run '^TestAnsible' ./deploy/deploytest

.PHONY: image
image: packages ## write the container image of all architectures into bin/image (an OCI layout) and bin/dhcp-relay-image.tar
	@rm -rf $(BIN)/image
	@$(GO) run ./deploy/image -programs $(BIN)/packages -out $(BIN)/image -version "$(VERSION)" -epoch $$(git log -1 --format=%ct)
	@tar --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r --mtime=@$$(git log -1 --format=%ct) -C $(BIN)/image -cf $(BIN)/dhcp-relay-image.tar .
	@cat $(BIN)/image/index.json

.PHONY: reproducible
reproducible: $(TOOLS)/nfpm-$(NFPM_VERSION) ## build the packages of HEAD twice, in two folders, and compare them
	@for copy in one two-of-another-name; do \
	  rm -rf $(BIN)/reproducible/$$copy && mkdir -p $(BIN)/reproducible/$$copy; \
	  git archive HEAD | tar -x -C $(BIN)/reproducible/$$copy; \
	  $(PACKAGING) $(BIN)/reproducible/$$copy/deploy/packages/build $(VERSION) $(BIN)/reproducible/$$copy/bin/packages $(FORMATS); \
	done
	@cd $(BIN)/reproducible && diff -r one/bin/packages two-of-another-name/bin/packages && sha256sum one/bin/packages/*
	@rm -rf $(BIN)/reproducible

.PHONY: bench
bench: deps-bench build ## measure against other relays, 40 minutes (root; BENCH="--quick" for a look)
	@$(BIN)/dhcp-bench $(BENCH)

.PHONY: pictures
pictures: build ## take the pictures of the README from a relay that runs in the lab (root)
	@.ci/deps ip chromium
	@$(BIN)/dhcp-lab pictures --out cmd/dhcp-lab/pictures

.PHONY: fuzz
fuzz: ## fuzz each fuzz function for FUZZTIME (default 30s)
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' ./cmd ./giaddr ./metrics ./relay | sort); do \
	  for f in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
	    echo "fuzzing $$(dirname $$file) $$f for $(FUZZTIME)"; \
	    $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$(dirname $$file); \
	  done; \
	done

.PHONY: restarts
restarts: ## restart the relay 20 times and upgrade it 10 times under 2,000 transactions a second (root)
	@RELAY_TEST_RESTARTS=full $(GO) test -count=1 -v -timeout 5m -run '^TestNothingIsLostAtARestart$$' ./relay

.PHONY: alerts
alerts: deps-test ## kill a DHCP server below two relays, or take the route to it from one, and see one page come within three minutes and end, by a real Prometheus and Alertmanager, 4 minutes (root)
	@RELAY_TEST_ALERTS=1 RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 15m -run '^TestAPage' ./deploy/deploytest

.PHONY: ha
ha: deps-test ## have two routers relay for 1,000 logins a second: keepalived or FRR moves the gateway, or both relay; a dhclient renews fifty times meanwhile, 6 minutes (root)
	@.ci/deps vtysh
	@RELAY_TEST_HA=1000 RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 15m -run '^Test(VRRP|VRRPByFRR|TwoRoutersRelay|RenewalsWhileTheMasterChanges)$$' ./relay

.PHONY: failover
failover: deps-test ## stop the preferred one of Kea and ISC dhcpd in seven ways under 1,000 logins a second, 3 minutes of a quiet machine (root; FAULT=NAK for one way)
	@RELAY_TEST_FAILOVER=1000 RELAY_TEST_NOSKIP=1 $(GO) test -count=1 -v -timeout 10m -run '^TestFailoverUnderLogins$$' ./relay

.PHONY: deps-demo
deps-demo:
	@.ci/deps ip
	@.ci/deps dhcrelay || echo "the scene that needs it will be skipped" >&2

.PHONY: deps-test
deps-test:
	@.ci/deps ip gcc kea-dhcp4 dhcpd dnsmasq udhcpc dhclient dhcpcd kea-dhcp6 dhcp6c dhcrelay dibbler-relay dhcp6relay promtool amtool chromium tshark tcpdump keepalived capsh iptables-legacy systemd-analyze

# A relay that cannot be had does not keep the others from being measured.
.PHONY: deps-bench
deps-bench:
	@.ci/deps ip
	@for relay in dhcrelay dnsmasq dibbler-relay dhcp6relay dhcp-helper; do \
	  .ci/deps $$relay || echo "cannot install $$relay: the table will say so"; \
	done

.PHONY: clean
clean: ## remove what was built
	@rm -rf $(BIN) $(TOOLS)

.PHONY: vm-test
vm-test: deps-vm build $(TOOLS)/nfpm-$(NFPM_VERSION) ## play scenes on VLANs, VRFs, odd uplinks and under systemd in qemu, 10 minutes (VM=--all adds 4,000 VLANs)
	@$(BIN)/dhcp-vm --nfpm $(CURDIR)/$(TOOLS)/nfpm-$(NFPM_VERSION) --cache $(BIN)/vm --json $(BIN)/vm/test.json $(if $(AGAIN),--again) $(VM)

.PHONY: deps-vm
deps-vm:
	@.ci/deps qemu-system-x86_64 nft wg pppd xz debootstrap mkfs.ext4

# make help lists the targets.
SERVICES := auth-service user-service product-service order-service

# Where .ci/setup puts what is not Debian's. Tests start NATS servers of their own.
STOA_TOOLS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stoa
export STOA_TOOLS
export TEST_NATS_SERVER ?= $(STOA_TOOLS)/nats/bin/nats-server
export TEST_PROMETHEUS ?= $(STOA_TOOLS)/prometheus/usr/bin/prometheus
export TEST_KUBECTL ?= $(STOA_TOOLS)/kubernetes/bin/kubectl

.PHONY: help setup test test-topologies format lint docs deny layers kubernetes tests images openapi sbom bench
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: ## installs what the tests need beside Rust (Debian 12)
	.ci/setup

test: setup format lint layers docs deny kubernetes tests ## everything that must be green

format: ## the code is formatted
	cargo fmt --all --check

lint: ## clippy, warnings denied
	cargo clippy --workspace --all-targets --all-features -- -D warnings

layers: ## each service compiles without knowing where its neighbours live
	for service in $(SERVICES); do cargo check -p $$service --lib --no-default-features || exit 1; done

docs: ## the documentation builds without a warning
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

deny: ## licences, banned crates, sources
	cargo deny check licenses bans sources

kubernetes: ## the manifests are valid in three versions, and checkov finds nothing
	deploy/kubernetes/check.sh

tests: ## all tests, on SQLite, PostgreSQL 15 and NATS, then what touches PostgreSQL on 18
	.ci/postgres 15 cargo test --workspace --all-features
	.ci/postgres 18 cargo test --workspace --all-features postgres

test-topologies: setup ## the acceptance stories in every one of the topologies; make test runs the usual ones
	.ci/postgres 15 cargo test -p monolith --all-features --test it topologies -- --include-ignored

openapi: ## writes the documents that are checked in under the contracts
	set -e; for service in auth user product order; do \
	  cargo run -q -p $$service-service -- openapi > target/document; mv target/document shared/contracts/$$service-api/openapi.json; done
	set -e; for service in auth user product order; do \
	  cargo run -q -p $$service-service -- openapi --internal > target/document; mv target/document shared/contracts/$$service-api/internal.json; done

images: ## makes every image of docker-compose.yml on this machine, without a registry
	deploy/docker/local/images.sh

sbom: ## writes a bill of materials (CycloneDX) for each binary to target/sbom
	cargo cyclonedx --version >/dev/null 2>&1 || cargo install --quiet --debug --locked cargo-cyclonedx --version 0.5.9
	mkdir -p target/sbom
	for package in monolith api-gateway $(SERVICES); do \
	  cargo cyclonedx --quiet --manifest-path $$package/Cargo.toml --format json --target all --override-filename sbom || exit 1; \
	  mv $$package/sbom.json target/sbom/$$package.cdx.json; done
	find . -name sbom.json -not -path './target/*' -delete

bench: ## builds for release, measures and prints the table; PEER=<folder> measures a peer in turn
	deploy/load/bench.sh

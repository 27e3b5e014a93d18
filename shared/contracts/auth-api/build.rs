//! Compiles the protocol buffers of this contract.

#[cfg(not(feature = "grpc"))]
fn main() {}

#[cfg(feature = "grpc")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    platform_protobuf::compile(&["stoa/auth/v1/account.proto"])
}

//! Compiles the protocol buffers of this contract.

#[cfg(not(feature = "grpc"))]
fn main() {}

#[cfg(feature = "grpc")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    platform_protobuf::compile(&["stoa/product/v1/product.proto", "stoa/product/v1/stock.proto"])
}

//! Compiles the protocol buffers of a contract in its build script, without protoc.
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     platform_protobuf::compile(&["shop/v1/goods.proto"])
//! }
//! ```
//! The crate then says `tonic::include_proto!("shop.v1")`, and for reflection
//! `tonic::include_file_descriptor_set!("descriptors")`.

use std::error::Error;
use std::path::PathBuf;

use protox::Compiler;

/// Compiles files below `proto/` of the crate that is built: messages, clients and servers into one file a package, and
/// the descriptors of all into `descriptors.bin`, for reflection.
pub fn compile(files: &[&str]) -> Result<(), Box<dyn Error>> {
    #[expect(clippy::print_stdout, reason = "it is how a build script speaks to cargo")]
    {
        println!("cargo::rerun-if-changed=proto");
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script where to write, and nobody else reads it"
    )]
    let out = std::env::var("OUT_DIR")?;
    let mut compiler = Compiler::new(["proto"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(files)?;
    std::fs::write(
        PathBuf::from(out).join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    // Where the transport is, clients and servers do not care.
    let builder = tonic_prost_build::configure().build_transport(false);
    builder.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

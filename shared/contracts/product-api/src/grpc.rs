//! The contract as protocol buffers: messages, services, and conversions between messages and the contract's own types.
//!
//! From a type to a message cannot fail. From a message to a type is checked, and a [`MessageError`] points to the field at
//! fault. A value of an enumeration that this process does not know is such a fault: nobody acts on half an answer.

mod catalogue;
mod listing;
mod shelf;
mod value;

pub use values::grpc::MessageError;

/// What is made of the files below `proto/`.
#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "it is generated"
)]
pub mod proto {
    tonic::include_proto!("stoa.product.v1");
}

/// The descriptors of all files, encoded, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

#[cfg(test)]
mod tests;

//! Bytes: requests out, replies in, and nothing said about what they mean.
//!
//! [`message`] is plain data, [`transport`] the only I/O trait, [`http`] its one implementation
//! over a socket. [`authorized`] proves who sends, with `aws` signing for Amazon's services and
//! [`google`] asking for Google's tokens. Keys are [`secret`], and no reply that passes here still
//! holds one.

pub mod authorized;
#[cfg(feature = "aws")]
pub mod aws;
mod causes;
pub mod descriptors;
pub mod entra;
pub mod frames;
pub mod google;
pub mod http;
pub mod message;
pub mod secret;
pub mod transport;

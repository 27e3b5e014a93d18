//! The shop as its clients see it: stories told over HTTP, the same in every topology.
//!
//! A story knows a shop by its address alone and shares no code with it. It asserts what the public contract promises, and
//! writes down every answer it gets. Two shops that differ in nothing but their topology give the same [`Transcript`],
//! header by header and byte by byte, once ids, times and secrets are replaced: so topologies are compared, not only tried.
//!
//! Start reading at [`stories::ALL`]. [`Shop`] is what a story is told about, [`Visit`] how it asks. To add a story: a
//! function under `stories` and its line in [`stories::ALL`]. Names, addresses and skus carry the shop's [`Shop::tag`], so
//! that the stories can be told to one shop more than once.
//!
//! ```no_run
//! # async fn tell() -> Result<(), Vec<acceptance::Unmet>> {
//! use acceptance::{Credentials, Shop, tell_all};
//! let admin = Credentials { email: "admin@example.com".into(), password: "correct horse battery".into() };
//! let shop = Shop::open("http://127.0.0.1:8080", &admin).await.map_err(|unmet| vec![unmet])?;
//! let transcript = tell_all(&shop).await?;
//! println!("{transcript}");
//! # Ok(()) }
//! ```

mod shop;
pub mod stories;
mod transcript;
mod visit;

pub use shop::{Credentials, Customer, Shop};
pub use transcript::Transcript;
pub use visit::{Ask, Reply, Unmet, Visit};

/// Tells every story to a shop, in order, and answers what the shop said, or every promise that it broke.
pub async fn tell_all(shop: &Shop) -> Result<Transcript, Vec<Unmet>> {
    let mut transcript = Transcript::default();
    let mut broken = Vec::new();
    for (name, story) in stories::ALL {
        let visit = Visit::begin(shop, name);
        match story(&visit).await {
            Ok(()) => transcript.append(visit.end()),
            Err(unmet) => broken.push(unmet),
        }
    }
    if broken.is_empty() { Ok(transcript) } else { Err(broken) }
}

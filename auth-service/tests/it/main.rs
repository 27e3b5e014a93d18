//! The store on both engines, the rules, the routes through a real listener, and the document.

mod document;

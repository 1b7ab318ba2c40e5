//! What the API rules find, played out.

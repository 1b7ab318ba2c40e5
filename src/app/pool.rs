//! Values that several apps of one process show alike, held once.
//!
//! What an app shows is the most of what it weighs, and apps of one account are mostly answered alike. Nobody can
//! tell a value that is shared from one that is not: it is copied when it changes.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;

/// How many values are held at least before those are looked for that nobody shows any more.
const FEW: usize = 1_024;

/// Values that several apps show. Cheap to clone.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    values: HashMap<u64, Weak<Value>, BuildHasherDefault<DefaultHasher>>,
    /// With how many it is tidied.
    full: usize,
}

impl Pool {
    /// The same value, shared with whoever shows it already.
    pub(super) fn share(&self, value: Arc<Value>) -> Arc<Value> {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let key = hasher.finish();
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shelf.values.get(&key).and_then(Weak::upgrade)
            && known == value
        {
            return known;
        }
        if shelf.values.len() >= shelf.full {
            shelf.values.retain(|_, value| value.strong_count() > 0);
            shelf.full = (shelf.values.len() * 2).max(FEW);
        }
        shelf.values.insert(key, Arc::downgrade(&value));
        value
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pool")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_are_held_once_for_as_long_as_somebody_shows_them() {
        let pool = Pool::default();
        let value = |size: i64| Arc::new(json!({ "positions": [{ "size": size }] }));
        let mut first = pool.share(value(1));
        let second = pool.share(value(1));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &pool.share(value(2))));
        // What changes is a value of its own from then on.
        *Arc::make_mut(&mut first) = json!([]);
        assert_eq!(*second, *value(1));
        drop((first, second));
        for size in 0..5_000 {
            pool.share(value(size));
        }
        assert!(pool.0.lock().unwrap().values.len() <= FEW);
    }
}

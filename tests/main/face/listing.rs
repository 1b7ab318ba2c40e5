//! The public items of the face with their signatures, from its sources: what others may build on.

use std::fs;
use std::path::Path;

use syn::{ImplItem, Item, Visibility};

/// All that the face hands on, as Rust without bodies and comments.
pub(super) fn of(root: &Path) -> String {
    let folder = root.join("src/face");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let handed_on = handed_on(&fs::read_to_string(root.join("src/lib.rs")).unwrap());
    let mut items = Vec::new();
    for path in paths {
        let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
        items.extend(
            file.items
                .into_iter()
                .filter_map(|item| shown(item, &handed_on)),
        );
    }
    let mut file = syn::parse_file("").unwrap();
    file.items = items;
    prettyplease::unparse(&file)
}

/// The names that the crate's root takes from the face.
fn handed_on(lib: &str) -> Vec<String> {
    let (_, rest) = lib.split_once("pub use face::{").unwrap();
    let (names, _) = rest.split_once('}').unwrap();
    let names = names.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// An item as others see it, if they do.
fn shown(item: Item, handed_on: &[String]) -> Option<Item> {
    let is_shown = |name: &syn::Ident| handed_on.contains(&name.to_string());
    match item {
        Item::Struct(mut item) if is_shown(&item.ident) => {
            item.attrs.retain(is_told);
            for field in &mut item.fields {
                field.attrs.clear();
            }
            if let syn::Fields::Named(fields) = &mut item.fields {
                let all = std::mem::take(&mut fields.named).into_iter();
                fields.named = all.filter(|field| is_public(&field.vis)).collect();
            } else {
                item.fields = syn::Fields::Unit;
                item.semi_token = Some(Default::default());
            }
            Some(Item::Struct(item))
        }
        Item::Fn(mut item) if is_shown(&item.sig.ident) => {
            item.attrs.retain(is_told);
            item.block.stmts.clear();
            Some(Item::Fn(item))
        }
        Item::Impl(mut item) => {
            let syn::Type::Path(path) = &*item.self_ty else {
                return None;
            };
            let name = &path.path.segments.last()?.ident;
            if !is_shown(name) {
                return None;
            }
            let is_trait = item.trait_.is_some();
            if is_trait && names_a_room(&item) {
                return None;
            }
            let items = std::mem::take(&mut item.items).into_iter();
            item.items = items.filter_map(|own| method(own, is_trait)).collect();
            item.attrs.retain(is_told);
            (is_trait || !item.items.is_empty()).then_some(Item::Impl(item))
        }
        _ => None,
    }
}

/// Whether a trait is implemented for what only this crate has: others cannot use it.
fn names_a_room(item: &syn::ItemImpl) -> bool {
    item.trait_.as_ref().is_some_and(|(path, _)| {
        let last = path.segments.last();
        last.is_some_and(|last| last.ident == "From")
    })
}

fn method(item: ImplItem, is_trait: bool) -> Option<ImplItem> {
    match item {
        ImplItem::Fn(mut method) if !is_trait && is_public(&method.vis) => {
            method.attrs.retain(is_told);
            method.block.stmts.clear();
            Some(ImplItem::Fn(method))
        }
        _ => None,
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// What of the attributes others depend on.
fn is_told(attribute: &syn::Attribute) -> bool {
    ["derive", "must_use", "non_exhaustive"]
        .iter()
        .any(|name| attribute.path().is_ident(name))
}

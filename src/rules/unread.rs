//! Answers that cannot be read: whatever would have looked into them is not judged by them.

use super::context::Context;
use super::find;
use crate::domain::contract::Role;
use crate::domain::journal::{Answerer, Content, Fact};

/// The rules that look into the answers to requests of this role.
fn readers(role: Option<&Role>) -> &'static [&'static str] {
    match role {
        Some(Role::SignIn | Role::Refresh | Role::Keys) => &["SESSION-15"],
        Some(Role::Status) => &["KILL-3", "KILL-2", "KILL-4"],
        Some(Role::Resource(_)) => &["SYNC-13", "SYNC-12", "DATA-1", "TENANT-1", "SESSION-15"],
        Some(Role::Realtime) => &["SYNC-11", "SYNC-13", "TENANT-1"],
        Some(Role::SignOut | Role::Health) | None => &["TENANT-1"],
    }
}

/// Says of an answer that cannot be read what is not judged because of it.
pub(super) fn say(context: &Context<'_>) {
    let Fact::Answer(answer) = &context.entry.fact else {
        return;
    };
    let packed = answer.headers.get("content-encoding");
    if let Some(coding) = packed.filter(|coding| !coding.eq_ignore_ascii_case("identity"))
        && answer.from == Answerer::Backend
        && answer.body != Content::Empty
        && let Some(schema) = find("SYNC-13")
    {
        context.remark(schema, format!("answers come packed in the content coding `{coding}`, which nobody asked for; they are opened to be judged, and pass as they are"));
    }
    let (Some(why), Some(ended)) = (answer.body.unread(), context.ended_by_anyone()) else {
        return;
    };
    if answer.from != Answerer::Backend {
        return;
    }
    let request = ended.request;
    let of = match &request.role {
        Some(role) => role.to_string(),
        None => format!("{} {}", request.method, request.service),
    };
    let told = format!("an answer for `{of}` cannot be read: {why}");
    let rules = readers(request.role.as_ref());
    for (at, rule) in rules.iter().filter_map(|id| find(id)).enumerate() {
        if at == 0 {
            context.doubtful(rule, told.clone());
        } else {
            context.unable(rule, told.clone());
        }
    }
}

//! What the backend promises of its answers.

use super::context::Context;
use crate::domain::contract::{AnswersTo, ErrorForm, HeaderPromise, Promises, Role};
use crate::suite::cursor::{Cursor, Fields};

/// Reads what stands at the top of a contract: `answer-headers` and `errors`.
pub(super) fn read(contract: &Fields<'_>, context: &Context<'_>) -> Option<Promises> {
    let headers = contract.or("answer-headers", Vec::new(), |cursor| {
        let all: Vec<Option<HeaderPromise>> = cursor
            .one_or_more()
            .iter()
            .map(|item| header(item, context))
            .collect();
        all.into_iter().collect()
    });
    let errors = contract.maybe("errors", |cursor| {
        let fields = cursor.fields("`errors`")?;
        let schema = fields
            .need("schema")
            .and_then(|cursor| cursor.schema(context.depth));
        let except = fields.or("except", Vec::new(), Cursor::statuses);
        Some(ErrorForm {
            schema: schema?,
            except: except?,
        })
    });
    Some(Promises {
        headers: headers?,
        errors: errors?,
    })
}

fn header(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<HeaderPromise> {
    let fields = cursor.fields("a header of answers")?;
    let header = fields.need("header").and_then(|cursor| {
        let name = cursor.name_text()?;
        super::operation::header_name(&cursor, &name)?;
        Some(name.to_ascii_lowercase())
    });
    let on = fields.or("on", Vec::new(), Cursor::statuses);
    let of = fields.or("for", Vec::new(), |cursor| {
        let all: Vec<Option<AnswersTo>> = cursor
            .one_or_more()
            .iter()
            .map(|item| answers_to(item, context))
            .collect();
        all.into_iter().collect()
    });
    let holds = fields.or("holds", Vec::new(), |cursor| {
        cursor.one_or_more().iter().map(Cursor::name_text).collect()
    });
    Some(HeaderPromise {
        header: header?,
        on: on?,
        of: of?,
        holds: holds?,
    })
}

fn answers_to(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<AnswersTo> {
    let text = cursor.name_text()?;
    let role = match text.as_str() {
        "data" => return Some(AnswersTo::Data),
        "sign-in" => Role::SignIn,
        "refresh" => Role::Refresh,
        "sign-out" => Role::SignOut,
        "status" => Role::Status,
        "health" => Role::Health,
        "keys" => Role::Keys,
        _ => Role::Resource(super::resource::name(cursor, context)?),
    };
    Some(AnswersTo::Role(role))
}

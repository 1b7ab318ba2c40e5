//! A draft as the files of a suite.

use std::time::Duration;

use serde_json::{Map as Object, Value, json};

use super::draft::{Draft, Realtime, Request, Resource, Tokens};
use super::yaml::{Map, Yaml};

/// The files of a suite, by their names in its folder.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) contract: String,
    pub(crate) world: String,
    pub(crate) scenario: String,
    /// The targets of a configuration, as comments.
    pub(crate) targets: String,
}

/// Writes all of it.
pub(super) fn files(draft: &Draft) -> Files {
    let mut contract = String::from("# yaml-language-server: $schema=schemas/contract.json\n");
    contract.push_str(&format!("# {}\n", draft.origin));
    contract.push_str(
        "# What was concluded has a comment that says from what. Nothing of it was agreed yet: read it, and correct it.\n",
    );
    contract.push_str(&self::contract(draft).document());
    let mut world = String::from("# yaml-language-server: $schema=schemas/world.json\n");
    world.push_str("# What the mock of this backend holds, so that scenarios can be played without a deployment.\n");
    world.push_str(&self::world(draft).document());
    let mut scenario = String::from("# yaml-language-server: $schema=schemas/scenario.json\n");
    scenario.push_str("# One behaviour. The file's name is the scenario's id.\n");
    scenario.push_str(&self::scenario(draft).document());
    Files {
        contract,
        world,
        scenario,
        targets: targets(draft),
    }
}

fn contract(draft: &Draft) -> Map {
    let mut all = Map::default();
    all.add("name", draft.name.as_str());
    all.add("services", services(draft)).apart();
    if let Some(own) = &draft.request_id {
        all.add("request-id", own.value.as_str())
            .apart()
            .saying(sentence(&own.why));
    }
    if !draft.health.is_empty() {
        let lines: Vec<Value> = draft
            .health
            .iter()
            .map(|own| Value::from(own.line()))
            .collect();
        all.add("health", Value::Array(lines)).apart();
    }
    all.add("session", session(draft)).apart();
    if let Some(own) = &draft.switch {
        let mut switch = request(&own.request);
        switch.add("blocked", json!({"at": own.at, "is": true}));
        switch.add("answers", json!({"off": own.off, "on": own.on}));
        all.add("kill-switch", switch).apart();
        comments(&mut all, &own.request);
    }
    let mut resources = Map::default();
    for own in &draft.resources {
        resources.add(&own.name, resource(own)).apart();
        comments(&mut resources, &own.request);
    }
    all.add("resources", resources).apart();
    let mut screens = Map::default();
    for (name, shown) in &draft.screens {
        screens.add(name, json!(shown));
    }
    all.add("screens", screens)
        .apart()
        .saying("The app's tabs and what they show; a session lands on the first one.");
    if let Some(own) = &draft.realtime {
        all.add("realtime", realtime(own)).apart();
    }
    let mut scope = Map::default();
    if !draft.forbid.is_empty() {
        let patterns = draft.forbid.iter().map(|own| Yaml::from(own.as_str()));
        scope.add("forbid", Yaml::List(patterns.collect())).below();
    }
    // The sign-in and what the first screens read.
    scope.add(
        "least-requests",
        json!((1 + draft.resources.len()).clamp(2, 5)),
    );
    all.add("scope", scope).apart().saying(
        "Whatever is not declared above is denied. These are the known requests that change something: an app that only \
         reads calls none of them. Take out what yours may call, and put it under `allow`.",
    );
    all
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

fn comments(map: &mut Map, request: &Request) {
    for why in &request.why {
        map.saying(why.as_str());
    }
}

fn services(draft: &Draft) -> Map {
    let mut services = Map::default();
    for own in &draft.services {
        let mut keys = Map::default();
        if !own.base_path.is_empty() {
            keys.add("base-path", own.base_path.as_str());
        }
        services.add(&own.name, keys);
        if let Some((url, _)) = own.deployed.first() {
            services.saying(url.as_str());
        }
    }
    services
}

/// The keys of a request.
fn request(own: &Request) -> Map {
    let mut keys = Map::default();
    keys.add("request", own.line());
    for (name, pairs) in [("query", &own.query), ("headers", &own.headers)] {
        if !pairs.is_empty() {
            keys.add(name, object(pairs));
        }
    }
    if let Some(body) = &own.json {
        keys.add("json", body.clone());
    }
    if !own.form.is_empty() {
        keys.add("form", object(&own.form));
    }
    keys
}

fn object(pairs: &[(String, Value)]) -> Value {
    pairs.iter().cloned().collect::<Object<_, _>>().into()
}

fn answer(own: &Tokens) -> Value {
    let mut keys = Object::new();
    keys.insert("access-token".to_owned(), json!(own.access));
    for (name, selector) in [
        ("refresh-token", &own.refresh),
        ("expires-in", &own.expires_in),
        ("expires-at", &own.expires_at),
    ] {
        if let Some(selector) = selector {
            keys.insert(name.to_owned(), json!(selector));
        }
    }
    keys.into()
}

fn session(draft: &Draft) -> Map {
    let own = &draft.session;
    let mut keys = Map::default();
    let mut sign_in = request(&own.sign_in);
    let mut first = own.answer.clone();
    let is_sent = own.sign_out.as_ref().is_some_and(|request| {
        let json = request.json.iter().map(Value::to_string);
        let form = request.form.iter().map(|(_, value)| value.to_string());
        json.chain(form)
            .any(|text| text.contains("{refresh-token}"))
    });
    if own.refresh.is_none() && !is_sent {
        // Nothing would ever send it.
        first.refresh = None;
    }
    sign_in.add("answer", answer(&first));
    keys.add("sign-in", sign_in);
    comments(&mut keys, &own.sign_in);
    if let Some((refresh, tokens)) = &own.refresh {
        let mut map = request(refresh);
        if *tokens != own.answer {
            map.add("answer", answer(tokens));
        }
        keys.add("refresh", map);
        comments(&mut keys, refresh);
    }
    if let Some(sign_out) = &own.sign_out {
        keys.add("sign-out", request(sign_out));
        comments(&mut keys, sign_out);
    }
    if let Some(known) = &own.authorize {
        let (name, template) = &known.value;
        keys.add("authorize", json!({ name.as_str(): template }))
            .saying(sentence(&known.why));
    }
    if !own.refused_by.is_empty() {
        keys.add("refused-by", json!(own.refused_by));
    }
    if !own.ended_by.is_empty() && own.refresh.is_some() {
        keys.add("ended-by", json!(own.ended_by));
    }
    if let Some(set) = &own.keys {
        keys.add("token", json!({"keys": set.line()}));
        comments(&mut keys, set);
    }
    if let Some(identity) = &own.identity {
        let mut map = Object::new();
        map.insert("resource".to_owned(), json!(identity.resource));
        for (name, pointer) in [
            ("subject", &identity.subject),
            ("username", &identity.username),
        ] {
            if let Some(pointer) = pointer {
                map.insert(name.to_owned(), json!(pointer));
            }
        }
        keys.add("identity", Value::Object(map))
            .saying(identity.why.as_str());
    }
    keys
}

fn resource(own: &Resource) -> Yaml {
    let is_plain = own.request.is_plain() && own.items.is_none() && own.schema.is_none();
    if is_plain {
        return own.request.line().into();
    }
    let mut keys = request(&own.request);
    if let Some(items) = &own.items {
        keys.add("items", items.value.as_str());
        keys.saying(sentence(&items.why));
    }
    if let Some(key) = &own.key {
        keys.add("key", key.as_str());
    }
    if let Some(sequence) = &own.sequence {
        keys.add("sequence", sequence.as_str());
        keys.saying("Its events counted on from it, one by one.");
    }
    if let Some(paging) = &own.paging {
        keys.add("paging", paging.value.clone());
        keys.saying(sentence(&paging.why));
    }
    if let Some(schema) = &own.schema {
        keys.add("schema", schema.clone());
    }
    keys.into()
}

fn realtime(own: &Realtime) -> Map {
    let mut keys = Map::default();
    keys.add("service", own.service.as_str());
    keys.add("path", own.path.as_str());
    keys.add("namespace", own.namespace.as_str());
    if let Some(auth) = &own.auth {
        keys.add("auth", auth.clone());
    }
    if own.websocket_only {
        keys.add("client", "websocket-only");
        keys.saying("No long-polling was seen.");
    }
    if !own.subscribe.is_empty() {
        keys.add("subscribe", Value::Array(own.subscribe.clone()));
    }
    let mut events = Map::default();
    for event in &own.events {
        let mut map = Map::default();
        if let Some((resource, apply)) = &event.updates {
            map.add("updates", resource.as_str());
            map.add("apply", *apply);
        }
        if let Some(items) = &event.items {
            map.add("items", items.as_str());
        }
        if let Some(sequence) = &event.sequence {
            map.add("sequence", sequence.as_str());
        }
        if let Some((at, most)) = &event.as_of {
            let most = crate::domain::duration::show(Duration::from_millis(*most));
            map.add("as-of", json!({"at": at, "at-most": most}));
        }
        if let Some(schema) = &event.schema {
            map.add("schema", schema.clone());
        }
        events.add(&event.name, map);
        events.saying(event.why.as_str());
    }
    if !events.is_empty() {
        keys.add("events", events);
    }
    keys
}

fn world(draft: &Draft) -> Map {
    let mut users = Map::default();
    for own in &draft.users {
        let mut keys = Map::default();
        keys.add("username", own.username.as_str());
        keys.add("password", "opens-only-the-mock");
        if let Some(subject) = &own.subject {
            keys.add("subject", subject.as_str());
        }
        let mut data = Map::default();
        for resource in &draft.resources {
            let seen = own.data.iter().find(|(name, _)| *name == resource.name);
            let value = seen.map_or(&resource.sample, |(_, value)| value);
            data.add(&resource.name, value.clone());
        }
        keys.add("data", data);
        users.add(&own.name, keys);
    }
    let mut all = Map::default();
    all.add("users", users);
    let feeds: Vec<Value> = draft
        .realtime
        .iter()
        .flat_map(|own| &own.events)
        .filter_map(|own| Some(json!({"event": own.name, "every": crate::domain::duration::show(Duration::from_millis(own.every_ms?))})))
        .collect();
    if !feeds.is_empty() {
        all.add("feeds", Value::Array(feeds))
            .apart()
            .saying("As often as they were seen to come.");
    }
    all
}

/// What a user does first: signs in, sees every screen, and comes back without signing in again.
fn scenario(draft: &Draft) -> Map {
    let mut all = Map::default();
    all.add("name", "A tester signs in and sees every screen");
    all.add("tags", json!(["session"]));
    let account = draft
        .users
        .first()
        .map_or("tester", |own| own.name.as_str());
    let usual = || {
        vec![
            json!({"do": "launch"}),
            json!({"expect": {"screen": "signed-out"}, "within": "5s"}),
            json!({"do": "sign-in", "as": account}),
            json!({"expect": {"screen": "home", "shows": "home"}, "within": "10s"}),
            json!({"do": {"open": "each"}}),
            json!({"expect": {"shows": "each"}, "within": "10s"}),
            json!({"do": "kill"}),
            json!({"do": "launch"}),
            json!({"expect": {"screen": "home", "session": "open", "shows": "home"}, "within": "10s"}),
        ]
    };
    let steps = match draft.steps.is_empty() {
        true => usual(),
        false => draft.steps.clone(),
    };
    all.add("steps", Yaml::List(steps.into_iter().map(step).collect()));
    all
}

/// A step with its keys each on a line, as people write them.
fn step(value: Value) -> Yaml {
    let mut map = Map::default();
    let fields = value.as_object().cloned().unwrap_or_default();
    for (key, own) in &fields {
        map.add(key, own.clone()).below();
    }
    map.into()
}

fn targets(draft: &Draft) -> String {
    let mut out = String::new();
    let many = draft
        .services
        .iter()
        .map(|own| own.deployed.len())
        .max()
        .unwrap_or(0);
    for at in 0..many {
        let said = draft.services.iter().find_map(|own| own.deployed.get(at));
        let about = said.map(|(_, about)| about.as_str()).unwrap_or_default();
        let about: String = about.chars().filter(|own| !own.is_control()).collect();
        let name = super::api::kebab(&about);
        let name = match name.is_empty() || name.len() > 30 {
            true => format!("deployment-{}", at + 1),
            false => name,
        };
        out.push_str(&format!("\n# {about}\n# [targets.{name}.services]\n").replace("# \n", ""));
        for own in &draft.services {
            if let Some((url, _)) = own.deployed.get(at).or(own.deployed.first()) {
                out.push_str(&format!("# {} = {}\n", own.name, Value::from(url.as_str())));
            }
        }
        out.push_str(&format!(
            "#\n# [targets.{name}.accounts.tester]\n# username = \"tester@example.com\"\n# password-env = \"TESTER_PASSWORD\" # the variable that holds it, never the password itself\n"
        ));
    }
    out
}

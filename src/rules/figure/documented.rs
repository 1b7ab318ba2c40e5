//! The rules of the family, as people are told them. What they have in common is judged in `judged`.

use crate::rules::info::{RuleInfo, rule};

/// Every rule of the family.
pub(in crate::rules) static ALL: [&RuleInfo; 12] = [
    &SIGN_INS, &REFRESHES, &REFUSALS, &ERRORS, &LATENCY, &REQUESTS, &CONNECTS, &DEGRADED,
    &FRESHNESS, &FALLBACK, &COMEBACK, &KILL,
];

rule! {
    /// Sign-ins fail no more often than agreed
    ///
    /// # Why
    /// Whoever cannot sign in sees nothing of all that works behind it, and seldom says so.
    ///
    /// # How it is judged
    /// At the end, by the limits to `sign-in-failures` (not answered, or answered neither with success
    /// nor as a refusal) and `sign-in-refusals` (answered with one of `refused-by`). Sign-ins that end
    /// while a fault is on, the backend is stopped or the kill-switch is on count for neither, nor do
    /// those within ten seconds after a lever moved. A share is judged from as many sign-ins on as it
    /// takes for one failure to be within it.
    ///
    /// # How to keep it
    /// Find the sign-ins by their request ids in the backend's logs; refusals that rise are often a
    /// change of password rules or of the form that the app sends.
    ///
    /// # Source
    /// RFC 6749 §5.2; runbook S9.4
    pub(super) SIGN_INS: "FIGURE-1", Unclear, from [Wire],
        needs [Limit(SignInFailures, SignInRefusals)],
        set by ["figures.sign-in-failures", "figures.sign-in-refusals"]
}

rule! {
    /// Renewals of a session fail no more often than agreed
    ///
    /// # Why
    /// A renewal that fails signs somebody out who did nothing wrong, often in the middle of their work.
    ///
    /// # How it is judged
    /// At the end, by the limit to `refresh-failures`: renewals that were not answered with success,
    /// refused ones among them. Those that the harness provoked, by a fault or within ten seconds after
    /// any lever, count for nothing, nor do those that a sign-out overtook, nor the one after such a one
    /// or after one that the app gave up or did not live to hear of: the backend may have granted it.
    ///
    /// # How to keep it
    /// Look at rotation first: two renewals with one token, or a token that was renewed and not stored,
    /// is the usual cause. Then at clocks, and at sessions that the backend forgets.
    ///
    /// # Source
    /// RFC 6749 §6; runbook S9.5
    pub(super) REFRESHES: "FIGURE-2", Unclear, from [Wire],
        needs [Limit(RefreshFailures)],
        set by ["figures.refresh-failures"]
}

rule! {
    /// Requests are refused no more often than agreed
    ///
    /// # Why
    /// A few answers of 401 belong to every renewal that comes late. Many mean that app and backend no
    /// longer agree on who may do what.
    ///
    /// # How it is judged
    /// At the end, by the limits to `errors-401` and `errors-403`, among all answers of the backend but
    /// those to sign-ins and renewals. What was provoked counts for nothing, nor does a 401 after the
    /// lever that expires tokens until the session was renewed.
    ///
    /// # How to keep it
    /// Group the refused requests by route and token. One route: its permission changed. All routes at
    /// once: a token that is over is still sent, or clocks differ.
    ///
    /// # Source
    /// RFC 9110 §15.5.2 and §15.5.4; runbook S9.4
    pub(super) REFUSALS: "FIGURE-3", Unclear, from [Wire],
        needs [Limit(Errors401, Errors403)],
        set by ["figures.errors-401", "figures.errors-403"]
}

rule! {
    /// The backend fails no more often than agreed
    ///
    /// # Why
    /// Apps hide single errors by trying again. The share of all answers says what users will meet once
    /// there are many of them.
    ///
    /// # How it is judged
    /// At the end, by the limit to `errors-5xx`: answers of 500 or more that the backend gave itself,
    /// among all of its answers to the app. What the gateway answered, and what ended while a fault was
    /// on, the backend stopped or the kill-switch on, counts for nothing, nor does what began within
    /// ten seconds after a lever moved.
    ///
    /// # How to keep it
    /// Find the requests by their ids in the backend's logs, the route with the greatest share first.
    ///
    /// # Source
    /// RFC 9110 §15.6; runbook S9.2
    pub(super) ERRORS: "FIGURE-4", Backend, from [Wire],
        needs [Limit(Errors5xx)],
        set by ["figures.errors-5xx"]
}

rule! {
    /// The backend answers as soon as agreed
    ///
    /// # Why
    /// A screen waits for its slowest read, so the slow answers among many decide how fast an app is.
    ///
    /// # How it is judged
    /// At the end, by the limits to `latency`: from a request to its answer as the gateway saw both,
    /// without what was provoked, long polls and WebSockets. A percentile is judged from as many answers
    /// on as it takes for it to be another than the slowest: 2 for p50, 20 for p95, 100 for p99. In
    /// virtual time the latency is that which the mock imposes.
    ///
    /// # How to keep it
    /// Compare the route's percentiles: a high median is work that is too much, a high p95 beside a low
    /// median is waiting, for a lock, a pool or a cold cache.
    ///
    /// # Source
    /// HdrHistogram; runbook S9.2
    pub(super) LATENCY: "FIGURE-5", Backend, from [Wire],
        needs [Limit(Latency)],
        set by ["figures.latency"]
}

rule! {
    /// The app asks no more often than agreed
    ///
    /// # Why
    /// What one app asks for in a minute is multiplied by all of them. Load that nobody planned is the
    /// usual end of a release that worked in every test.
    ///
    /// # How it is judged
    /// At the end, by the limits to `requests-per-minute`: the most requests of the app within any 60
    /// seconds, to a tenth of them, whatever became of them. Polls that carry a socket on are as many as there
    /// are events, and count where `realtime` is named. Nothing is worked out from a shorter time.
    ///
    /// # How to keep it
    /// Look at the requests of the peak minute by route: pollers that run twice, reads after each event,
    /// and retries without a pause are what drives them up.
    ///
    /// # Source
    /// Runbook S9.7
    pub(super) REQUESTS: "FIGURE-6", App, from [Wire],
        needs [Limit(RequestsPerMinute)],
        set by ["figures.requests-per-minute"]
}

rule! {
    /// The app opens sockets no more often than agreed
    ///
    /// # Why
    /// Each handshake costs the backend a session. An app that opens several a second is a storm once a
    /// release cuts all of its copies at once.
    ///
    /// # How it is judged
    /// At the end, by the limit to `socket-connects-per-second`: the most Engine.IO handshakes within any
    /// second, to a tenth of it, let in or not.
    ///
    /// # How to keep it
    /// Keep the delays of the client library and their jitter, and one socket for the whole app.
    ///
    /// # Source
    /// Socket.IO client options (`reconnectionDelay`); runbook S9.6
    pub(super) CONNECTS: "FIGURE-7", App, from [Wire],
        needs [Limit(SocketConnectsPerSecond)],
        set by ["figures.socket-connects-per-second"]
}

rule! {
    /// Data comes live most of the time
    ///
    /// # Why
    /// Polling and stale data are for bad moments. An app that lives in them on a good network costs
    /// more and shows less, and nobody notices, because something is always shown.
    ///
    /// # How it is judged
    /// At the end, by the limits to `time-polling` and `time-stale`: the share of the time in which data
    /// ought to arrive, which is while somebody is signed in, looks at the app and has a network, and
    /// nothing blocks it. Times in which the harness disturbed something do not count, nor the time that
    /// the feed may take to come back (`live-within`, and ten seconds at least) after that, after every
    /// other lever but a push, and after each start, sign-in and return. Less than a minute of such time is not judged. An app says itself how
    /// data arrives; of one that says nothing the wire shows it: a joined feed is live, and a poll within
    /// two intervals is polling; without either it is stale, if the feed was lost in the process that runs
    /// and somebody says when the app is left. What is said of a screen counts until the feed comes or goes.
    ///
    /// # How to keep it
    /// See why the feed is not there at the entries named: refused, dropped, or not asked for again.
    ///
    /// # Source
    /// Runbook S9.8
    pub(super) DEGRADED: "FIGURE-8", Unclear, from [Wire, Sim],
        needs [Limit(TimePolling, TimeStale)],
        set by ["figures.time-polling", "figures.time-stale"]
}

rule! {
    /// Shown data is as fresh as agreed
    ///
    /// # Why
    /// A price of a minute ago looks like one of now.
    ///
    /// # How it is judged
    /// At the end, by the limits to `freshness`: how long ago a resource was last brought, by an answer or
    /// an event, each time that it is replaced or leaves the screen. Time in the background or offline, and
    /// in which the harness disturbed something, does not count, nor does what a screen replaces within ten
    /// seconds after it was opened. Only an app that says what it shows can be
    /// judged.
    ///
    /// # How to keep it
    /// Find what should have brought the resource meanwhile: an event that never came, a poll that was
    /// not sent, an answer that was thrown away.
    ///
    /// # Source
    /// RFC 9111 §4.2; runbook S9.9
    pub(super) FRESHNESS: "FIGURE-9", Unclear, from [Sim],
        needs [Limit(Freshness)],
        set by ["figures.freshness"]
}

rule! {
    /// Polling takes the feed's place as soon as agreed
    ///
    /// # Why
    /// Between the loss of the feed and the first poll, what is shown grows old and nobody knows.
    ///
    /// # How it is judged
    /// At the end, by the limit to `time-to-fallback`: from the entry at which the last joined feed was
    /// lost to the first answer of success to a read of a polled resource that was asked for after it.
    /// Where the feed comes back before, or the app is left, blocked, cut off from the backend or told to
    /// wait (`Retry-After`), nothing is measured. A poll that never came counts as long as it was waited for.
    ///
    /// # How to keep it
    /// Start polling by a timer that begins with the loss, not with the next failed attempt to reconnect.
    ///
    /// # Source
    /// Runbook S9.7
    pub(super) FALLBACK: "FIGURE-10", Unclear, from [Wire],
        needs [Feed, Polling, Limit(TimeToFallback)],
        set by ["figures.time-to-fallback"]
}

rule! {
    /// The feed comes back as soon as agreed
    ///
    /// # Why
    /// An outage of a second should not cost minutes of polling.
    ///
    /// # How it is judged
    /// At the end, by the limit to `time-to-return`: from the entry at which nothing keeps a lost feed
    /// from coming back (the network, the backend and the socket's path are there, the app is looked at,
    /// signed in, and was last told that it is not blocked) to the one that joins it. One that did not
    /// come back counts as long as it was waited for. What a process left behind that was ended is no
    /// loss of the next one's. Of an app of which nobody says when it is left, nothing is measured.
    ///
    /// # How to keep it
    /// Cap the reconnection delay, and try at once when the network or the user comes back.
    ///
    /// # Source
    /// Socket.IO client options (`reconnectionDelayMax`); runbook S9.6
    pub(super) COMEBACK: "FIGURE-11", Unclear, from [Wire],
        needs [Feed, Limit(TimeToReturn)],
        set by ["figures.time-to-return"]
}

rule! {
    /// The kill-switch stops data as soon as agreed
    ///
    /// # Why
    /// The switch is moved when each further request does harm.
    ///
    /// # How it is judged
    /// At the end, by the limit to `kill-latency`: from the entry at which the lever moved, in an app that
    /// is at work, to the last read or socket handshake that began before it was moved back, the app was
    /// left, or it lost its network. It is measured once the app was told, or
    /// `kill-switch.takes-effect-within` is over, and not while a fault is on or a service stopped.
    ///
    /// # How to keep it
    /// Ask more often, ask before each start of a screen, and cancel what waits for its turn when the
    /// answer says *blocked*.
    ///
    /// # Source
    /// Runbook S9.9
    pub(super) KILL: "FIGURE-12", Unclear, from [Wire],
        needs [KillSwitch, Limit(KillLatency)],
        set by ["figures.kill-latency"]
}

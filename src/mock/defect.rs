//! Deliberate misbehaviours of the mock: each one small deviation in one place, to prove that the harness notices.

use crate::domain::misbehaviour::misbehaviours;

misbehaviours! {
    /// One way in which the mock can be wrong.
    one Defect;
    /// The ways in which one mock is wrong.
    all Defects;

    ForeignKey "foreign-key" on "sign-in" ["SESSION-15"]
        "It signs access tokens with a key that is not in its key set.";
    WrongAudience "wrong-audience" on "sign-in" ["SESSION-15"]
        "It issues access tokens for another audience.";
    ExpiredAtIssue "expired-at-issue" on "sign-in" ["SESSION-15"]
        "It issues access tokens whose expiry has already passed.";
    ForeignProfile "foreign-profile" on "sign-in" ["SESSION-15"]
        "It answers the profile of another user.";
    StatusIgnoresSwitch "status-ignores-switch" on "kill-switch" []
        "It says that all is well while the kill-switch is on.";
    DataDuringMaintenance "data-during-maintenance" on "kill-switch" ["KILL-7"]
        "It serves data and events while the kill-switch is on.";
    SilentFeed "silent-feed" on "pushed-event" ["SYNC-11", "FIGURE-9"]
        "It never emits an event.";
    FeedDiesWithRestart "feed-dies-with-restart" on "degraded-backend" ["SYNC-17"]
        "It emits nothing any more once a service was started again.";
    NoSummary "no-summary" on "every-tab" []
        "It knows nothing of the first resource of the first tab.";
    ForeignEvents "foreign-events" on "every-tab" ["TENANT-1"]
        "It emits one user's changes to another.";
    EverySocket "every-socket" on "two-devices" ["TENANT-1"]
        "It emits each user's changes to every open socket.";
    ForeignItem "foreign-item" on "sign-in" ["TENANT-1"]
        "It has always had an item of one user's in another's list.";
    MislabelledData "mislabelled-data" on "sign-in" ["SYNC-13"]
        "It calls its data plain text.";
    LongPromise "long-promise" on "sign-in" ["SESSION-15"]
        "It says that access tokens live far longer than they do.";
    OneRequestId "one-request-id" on "sign-in" ["NET-13"]
        "It gives every answer the same request id.";
    SkippedNumbers "skipped-numbers" on "every-tab" ["SYNC-11"]
        "It leaves numbers out between the changes that it emits.";
    UnauthorizedInMaintenance "unauthorized-in-maintenance" on "kill-switch" ["KILL-7"]
        "It answers data requests during maintenance as if nobody were signed in.";
    SocketForAnyToken "socket-for-any-token" on "sign-in" ["SESSION-10"]
        "It lets every socket into the feed, whatever its token.";
    SocketDuringMaintenance "socket-during-maintenance" on "kill-switch" ["KILL-7"]
        "It lets sockets in and emits while the kill-switch is on.";
    SocketsRefused "sockets-refused" on "sign-in" []
        "It answers every request on the socket path with 404.";
    DeafToRenewals "deaf-to-renewals" on "renewed-socket" ["SESSION-20"]
        "It takes the renewed token that a socket hands over for nothing, and ends the socket with the old one.";
    EventsAfterExpiry "events-after-expiry" on "long-session" ["SESSION-12"]
        "It goes on emitting to a socket whose token has ended.";
    NoRequestId "no-request-id" on "sign-in" ["NET-13"]
        "It leaves the request id out of every answer.";
    NumberAsText "number-as-text" on "sign-in" ["SYNC-13"]
        "It writes the first number of every resource as a text.";
    LostPageItem "lost-page-item" on "every-page" ["SYNC-12"]
        "It leaves out one item between two pages of a list.";
    RepeatedPageItem "repeated-page-item" on "every-page" ["SYNC-12"]
        "It begins a page with the last item of the page before.";
    RefreshBroken "refresh-broken" on "expired-token" ["FIGURE-2"]
        "It answers every refresh of a session with 500.";
    RefreshReuse "refresh-reuse" on "sign-in" ["SESSION-6"]
        "It accepts a refresh token that was already used.";
    FamilySurvivesReuse "family-survives-reuse" on "sign-in" ["SESSION-6"]
        "It refuses a used refresh token and lets its successor live.";
    ForgetsGrace "forgets-grace" on "reuse-in-grace" ["SESSION-6"]
        "It refuses a used refresh token at once, whatever grace was agreed on.";
    SignOutKeepsSession "sign-out-keeps-session" on "sign-in" ["SESSION-11"]
        "It answers a sign-out without ending the session.";
    UnsignedTokens "unsigned-tokens" on "sign-in" ["SESSION-10"]
        "It believes access tokens that nobody signed.";
    RouteWithoutGuard "route-without-guard" on "sign-in" ["SESSION-10"]
        "It asks for no token where it answers the last resource of the contract.";
    SignatureIgnored "signature-ignored" on "sign-in" ["SESSION-10"]
        "It believes access tokens whoever signed them.";
    ClaimsIgnored "claims-ignored" on "sign-in" ["SESSION-10"]
        "It believes every token that it signed: for others, by others, and over.";
    RefreshTokenAsAccess "refresh-token-as-access" on "sign-in" ["SESSION-10"]
        "It takes a refresh token for an access token.";
    SessionsLostOnRestart "sessions-lost-on-restart" on "degraded-backend" ["SYNC-14"]
        "It forgets every session when a service is started again.";
    ForbiddenWritesAccepted "forbidden-writes-accepted" on "sign-in" ["SCOPE-5"]
        "It carries out calls that are forbidden to testers.";
    ForbiddenNamespaceOpen "forbidden-namespace-open" on "sign-in" ["SCOPE-5"]
        "It lets testers into forbidden namespaces.";
    UnknownCursors "unknown-cursors" on "sign-in" ["SYNC-12"]
        "It begins a list anew for a cursor that it never handed out.";
    ForeignCursors "foreign-cursors" on "sign-in" ["SYNC-12", "TENANT-2"]
        "It goes on with the list of whoever a cursor was handed out to.";
    NamesAnother "names-another" on "sign-in" ["TENANT-1"]
        "It names another user in a header.";
    FirstOnConnection "first-on-connection" on "sign-in" ["TENANT-3"]
        "It answers everybody on a connection with the data of who came first.";
    AnyEntityTag "any-entity-tag" on "sign-in" ["TENANT-5", "API-13"]
        "It takes anybody's entity tag for a match.";
    OneEntityTag "one-entity-tag" on "sign-in" ["TENANT-5"]
        "It gives everybody's answers one entity tag.";
    CacheableData "cacheable-data" on "sign-in" ["TENANT-4"]
        "It lets shared caches keep a user's data.";
    RepeatsPassword "repeats-password" on "sign-in" ["SESSION-16"]
        "It repeats the user's password in a header.";
    FailsNowAndThen "fails-now-and-then" on "read-only-scope" ["NET-14", "FIGURE-4"]
        "It answers every fourth request with 500.";
    IllHealth "ill-health" on "sign-in" ["API-1"]
        "It says that it is not well although it works.";
    BareRefusals "bare-refusals" on "sign-in" ["API-2"]
        "It refuses without saying how to be let in.";
    VagueRetryAfter "vague-retry-after" on "kill-switch" ["API-2"]
        "It says `soon` in the place of a time to come back.";
    WrongClock "wrong-clock" on "sign-in" ["API-3"]
        "Its clock is ten minutes ahead, as its dates show.";
    ShowsItsInside "shows-its-inside" on "sign-in" ["API-4"]
        "It shows a stack trace to whom it refuses.";
    ErrorsInTwoForms "errors-in-two-forms" on "sign-in" ["API-5"]
        "It refuses tokens in another form than that of its other errors.";
    SessionInCookie "session-in-cookie" on "sign-in" ["API-6"]
        "It also sets the access token as a cookie that scripts can read.";
    ItemTwice "item-twice" on "sign-in" ["API-7"]
        "It brings the first item of a whole list twice.";
    OutOfOrder "out-of-order" on "every-page" ["API-7"]
        "It brings the items of each page the other way round.";
    NamesUnknownUsers "names-unknown-users" on "sign-in" ["API-8"]
        "It says when it was the name that nobody has.";
    ForbidsExpired "forbids-expired" on "sign-in" ["API-9"]
        "It answers 403 to a token that is over.";
    NoNamespace "no-namespace" on "sign-in" ["API-10"]
        "It does not know the namespace of the feed.";
    LinksPastPrefix "links-past-prefix" on "every-page" ["API-11"]
        "It writes links without the path that its proxy adds.";
    NoEnd "no-end" on "sign-in" ["API-12"]
        "It does not say when access tokens end.";
    ObeysParameters "obeys-parameters" on "sign-in" ["TENANT-2"]
        "It answers the data of whoever a parameter of the request names.";
    SignOutForgetsARoute "sign-out-forgets-a-route" on "sign-in" ["SESSION-11"]
        "It still answers its last resource to a session that was signed out.";
    SubjectLost "subject-lost" on "expired-token" ["SESSION-15"]
        "It leaves the subject out of tokens that it renews.";
    NeverAcknowledges "never-acknowledges" on "read-only-scope" ["SYNC-11"]
        "It acknowledges nothing that the app emits.";
    SendsTwice "sends-twice" on "every-tab" ["SYNC-11"]
        "It sends each event twice.";
    CountsAnew "counts-anew" on "degraded-backend" ["SYNC-14"]
        "It begins to count its changes anew when it is started again.";
    SessionForAllHosts "session-for-all-hosts" on "sign-in" ["API-6"]
        "It also sets the access token as a cookie for every host below its own.";
    StaleEntityTag "stale-entity-tag" on "sign-in" ["API-13"]
        "It gives an answer the same entity tag when it has changed.";
    SwitchNeverChanges "switch-never-changes" on "kill-switch" ["API-13"]
        "It says to every conditional request for its kill-switch that nothing has changed.";
    SlashWithoutGuard "slash-without-guard" on "sign-in" ["SESSION-10", "SCOPE-5"]
        "It guards nothing where a path ends in a slash.";
    MainNamespaceOpen "main-namespace-open" on "sign-in" ["SESSION-10"]
        "It lets everybody into the main namespace, and emits the feed there.";
    SocketsOutliveSwitch "sockets-outlive-switch" on "kill-switch" ["KILL-7"]
        "It goes on emitting to sockets that were open when the kill-switch was moved.";
    MaintenanceLingers "maintenance-lingers" on "kill-switch" ["KILL-7"]
        "It goes on refusing data once the kill-switch is off again.";
    CodingNotKept "coding-not-kept" on "every-tab" ["SYNC-13"]
        "It calls its last resource compressed, and it is not.";
    OtherClientDiffers "other-client-differs" on "sign-in" ["API-15"]
        "It answers another client than the app with another number.";
    FrozenValues "frozen-values" on "long-session" ["API-14"]
        "It emits change after change, and none of them changes anything.";
    OneEventNever "one-event-never" on "read-only-scope" ["SYNC-17"]
        "It never emits the first event that has to come by itself.";
    FeedDriesUp "feed-dries-up" on "five-minutes" ["SYNC-17"]
        "It emits nothing any more some minutes after it was started.";
    OneClientOnly "one-client-only" on "dropped-sockets" ["SYNC-17"]
        "It emits to the first socket that came, and to no other.";
    SilentChanges "silent-changes" on "own-change" ["SYNC-18"]
        "It makes changes and emits nothing of them.";
    OldTimes "old-times" on "read-only-scope" ["API-16"]
        "It sends events that were true five minutes ago.";
    OldAnswers "old-answers" on "sign-in" ["API-16"]
        "It answers data that was true five minutes ago.";
    SignInBroken "sign-in-broken" on "sign-in" ["FIGURE-1"]
        "It answers every sign-in with 500.";
    DeniesARoute "denies-a-route" on "every-tab" ["FIGURE-3"]
        "It answers 403 to whoever asks for its last resource.";
    TokensEndEarly "tokens-end-early" on "reads-late" ["SESSION-22"]
        "It refuses access tokens when half of their time is over.";
    CacheableSwitch "cacheable-switch" on "sign-in" ["KILL-8"]
        "It lets its answers for the kill-switch be kept for five minutes.";
    ScopeNarrows "scope-narrows" on "expired-token" ["SESSION-15"]
        "It allows less by a token that it renews than by the one before.";
    SlowAnswers "slow-answers" on "read-only-scope" ["FIGURE-5"]
        "It takes more than a second for each answer with data.";
}

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
    SilentFeed "silent-feed" on "read-only-scope" ["SYNC-11"]
        "It never emits an event.";
    SocketsRefused "sockets-refused" on "sign-in" []
        "It answers every request on the socket path with 404.";
    EventsAfterExpiry "events-after-expiry" on "long-session" ["SESSION-12"]
        "It goes on emitting to a socket whose token has ended.";
    NoRequestId "no-request-id" on "sign-in" ["NET-13"]
        "It leaves the request id out of every answer.";
    NumberAsText "number-as-text" on "sign-in" ["SYNC-13"]
        "It writes the first number of every resource as a text.";
    LostPageItem "lost-page-item" on "read-only-scope" []
        "It leaves out one item between two pages of a list.";
    RepeatedPageItem "repeated-page-item" on "read-only-scope" ["SYNC-12"]
        "It begins a page with the last item of the page before.";
    RefreshBroken "refresh-broken" on "session-restore" []
        "It answers every refresh of a session with 500.";
    RefreshReuse "refresh-reuse" on "session-restore" []
        "It accepts a refresh token that was already used.";
    SignOutKeepsSession "sign-out-keeps-session" on "read-only-scope" []
        "It answers a sign-out without ending the session.";
    SessionsLostOnRestart "sessions-lost-on-restart" on "degraded-backend" ["SYNC-14"]
        "It forgets every session when a service is started again.";
    CacheableData "cacheable-data" on "sign-in" ["TENANT-4"]
        "It lets shared caches keep a user's data.";
}

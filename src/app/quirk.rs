//! Deliberate misbehaviour, to prove that the harness notices.
//!
//! Each quirk is one small deviation at one place of the machine, and says which rules it breaks.

use crate::domain::misbehaviour::misbehaviours;

misbehaviours! {
    /// One deliberate misbehaviour of the simulated app.
    one Quirk;
    /// The quirks that an app has; usually none.
    all Quirks;

    TokenInQuery "token-in-query" on "sign-in" ["SESSION-1"]
        "Data requests carry the access token in their query.";
    SocketTokenInQuery "socket-token-in-query" on "sign-in" ["SESSION-1", "SESSION-2"]
        "The socket's token stands in its URL instead of the CONNECT payload.";
    ParallelRefreshes "parallel-refreshes" on "refused-data" ["SESSION-4"]
        "Two parts of the app refresh the session at the same time.";
    StoresFirstTokensOnly "stores-first-tokens-only" on "renewed-then-restarted" ["SESSION-4"]
        "What a refresh brings is used and not stored: the next start finds the tokens before it.";
    RefreshLoop "refresh-loop" on "refused-data" ["SESSION-8"]
        "A request that is refused with 401 is refreshed for and replayed again and again.";
    RefreshOn403 "refresh-on-403" on "refused-data" ["SESSION-8"]
        "A 403 makes the app refresh its session.";
    SignOutOn403 "sign-out-on-403" on "refused-data" ["SESSION-8"]
        "A 403 makes the app sign out.";
    SignInOnRestore "sign-in-on-restore" on "session-restore" ["SESSION-14"]
        "The password is kept, and sent again when the app is reopened.";
    DataBeforeSession "data-before-session" on "sign-in" ["SESSION-14"]
        "Data is asked for while nobody is signed in.";
    NoStatusFirst "no-status-first" on "sign-in" ["KILL-1"]
        "At start and in the foreground data is asked for before the kill-switch.";
    DataWhileBlocked "data-while-blocked" on "long-maintenance" ["KILL-2", "FIGURE-12"]
        "Data goes on behind the maintenance screen.";
    SignOutOnMaintenance "sign-out-on-maintenance" on "kill-switch" ["KILL-4"]
        "The kill-switch makes the app sign out.";
    MaintenanceForGood "maintenance-for-good" on "kill-switch" ["KILL-4"]
        "Once blocked, the app does not ask again until it is started anew.";
    RetryWithoutBackoff "retry-without-backoff" on "refused-data" ["NET-1"]
        "Failed requests are repeated after a short, constant time.";
    ReconnectWithoutBackoff "reconnect-without-backoff" on "polling-fallback" ["NET-1", "NET-12", "FIGURE-6", "FIGURE-7"]
        "The socket reconnects after a short, constant time.";
    AttemptsWhileOffline "attempts-while-offline" on "airplane-mode" ["NET-10"]
        "The app goes on asking although the device has no network.";
    NoFallback "no-fallback" on "polling-fallback" ["SYNC-1", "FIGURE-10"]
        "The app never polls when the socket is gone.";
    StaysOnPolling "stays-on-polling" on "polling-fallback" ["SYNC-2", "FIGURE-11"]
        "Once the app polls, it gives the socket up for good.";
    PollsBesideSocket "polls-beside-socket" on "five-minutes" ["SYNC-3"]
        "The app polls from the beginning, beside a live socket.";
    NeverStopsPolling "never-stops-polling" on "polling-fallback" ["SYNC-3"]
        "The app goes on polling when the socket is back.";
    TwoPollers "two-pollers" on "polling-fallback" ["SYNC-4"]
        "Each screen starts a poller of its own, and all run side by side.";
    OverlappingPolls "overlapping-polls" on "polling-fallback" ["SYNC-4"]
        "A poll is sent while another one for the same data is in flight.";
    PollsTooFast "polls-too-fast" on "polling-fallback" ["SYNC-4"]
        "The polling interval is below the floor.";
    NoSnapshot "no-snapshot" on "polling-fallback" ["SYNC-5"]
        "Nothing is read again after the socket has reconnected.";
    CallsForbidden "calls-forbidden" on "sign-in" ["SCOPE-1"]
        "After sign-in the app calls an endpoint that it must never call.";
    UndeclaredWrite "undeclared-write" on "sign-in" ["SCOPE-2"]
        "After sign-in the app writes to a resource that it may only read.";
    DisguisedRead "disguised-read" on "sign-in" ["SCOPE-3"]
        "A declared read is written in a form that is not canonical.";
    DisguisedWrite "disguised-write" on "sign-in" ["SCOPE-1", "SCOPE-3"]
        "A forbidden write is written in a form that is not canonical.";
    UndeclaredEmit "undeclared-emit" on "sign-in" ["SCOPE-4"]
        "The app emits an event over the socket that nobody declared.";
    ForbiddenNamespace "forbidden-namespace" on "sign-in" ["SCOPE-4"]
        "The app joins a namespace that is not for it.";
    FailsOpen "fails-open" on "status-silent-while-blocked" ["KILL-3"]
        "While the kill-switch cannot be asked, the app forgets that it was blocked.";
    FailsClosed "fails-closed" on "status-silent" ["KILL-3"]
        "While the kill-switch cannot be asked, the app blocks.";
    ReturnsAtOnce "returns-at-once" on "sent-away" ["SYNC-8", "SESSION-3"]
        "Sent away by the server, the app comes back at once, several times in a row.";
    StaysAway "stays-away" on "sent-away" ["SYNC-8"]
        "Disconnected by the server, the app waits for a reconnection that nobody makes.";
    TransportErrorsAreFinal "transport-errors-are-final" on "unknown-session" ["SYNC-9"]
        "After a transport error the socket is given up for good.";
    BelievesPages "believes-pages" on "captive-portal" ["NET-6"]
        "Whatever comes with a status of success is shown as data.";
    FollowsRedirects "follows-redirects" on "captive-portal" ["NET-6"]
        "A redirect is followed with the token.";
    FollowsWithTheRefresh "follows-with-the-refresh" on "redirected" ["SCOPE-6"]
        "A refresh that is redirected is sent again to wherever the answer says.";
    TrustsDeviceClock "trusts-device-clock" on "clock-skew" ["SESSION-9"]
        "A token's expiry is compared with the device's clock.";
    ForgetsSession "forgets-session" on "storage" ["SESSION-13"]
        "What was stored is not found when the app starts.";
    StuckOnDamage "stuck-on-damage" on "storage" ["SESSION-13"]
        "A damaged entry in storage keeps the app on its loading screen.";
    AppliesLateAnswers "applies-late-answers" on "late-answers" ["NET-11"]
        "Requests are not cancelled with what wanted them, and their answers applied.";
    HidesAge "hides-age" on "reads-fail" ["NET-7"]
        "What could not be renewed is not said to be old.";
    AllOrNothing "all-or-nothing" on "partial-outage" ["NET-7"]
        "One read that fails makes the app leave its feed.";
    StatusWithoutJitter "status-without-jitter" on "long-session" ["KILL-6"]
        "The kill-switch is asked at a fixed interval, to the millisecond.";
    CatchesUp "catches-up" on "frozen" ["NET-5"]
        "Back from the background, the app polls once for each round that it missed.";
    SpentTokenFirst "spent-token-first" on "spent-offline" ["NET-9"]
        "A token that is over is tried by every request before it is renewed.";
    IgnoresGaps "ignores-gaps" on "missed-events" ["SYNC-6"]
        "A change is applied although one before it is missing.";
    OldAnswersWin "old-answers-win" on "slow-snapshot" ["SYNC-6"]
        "An answer takes the place of newer changes.";
    ShowsPreviousUser "shows-previous-user" on "user-switch" ["TENANT-6"]
        "What one user was shown is kept, and shown to the next.";
    KeepsEntityTags "keeps-entity-tags" on "user-switch" ["TENANT-6"]
        "The next user's first reads carry the entity tags of what the user before was given.";
    KeepsSocket "keeps-socket" on "user-switch" ["TENANT-6"]
        "The socket object outlives the session: what waits in its queue, and the session that it could recover, go to the next user.";
    KeepsToken "keeps-token" on "user-switch" ["TENANT-6"]
        "The next user's first read carries the token of the user before.";
    Deaf "deaf" on "half-open" ["NET-4"]
        "A socket on which nothing arrives any more is not noticed.";
    RefreshesForEver "refreshes-for-ever" on "refresh-lost" ["SESSION-5"]
        "A refresh that fails is repeated every second, without end.";
    SignsOutOnTrouble "signs-out-on-trouble" on "refresh-lost" ["SESSION-7"]
        "A refresh that fails for any reason ends the session.";
    GoesOnAfterSignOut "goes-on-after-sign-out" on "sign-out" ["SESSION-11"]
        "Some seconds after sign-out the app asks for data with the old token.";
    IgnoresRetryAfter "ignores-retry-after" on "retry-after" ["KILL-5"]
        "The time that the backend names in Retry-After is ignored.";
    StatusTooOften "status-too-often" on "five-minutes" ["KILL-6"]
        "The kill-switch is asked six times as often as agreed.";
    TwoLayersRetry "two-layers-retry" on "reads-fail" ["NET-2"]
        "Each attempt at a request is itself tried several times.";
    NoTimeout "no-timeout" on "black-hole" ["NET-3"]
        "Requests wait for their answers without end.";
    FallsBackToClear "falls-back-to-clear" on "untrusted" ["NET-8"]
        "A request for which TLS fails is sent again in the clear.";
    TrustsAnyCertificate "trusts-any-certificate" on "untrusted" ["NET-8"]
        "Requests go to whoever answers, under whatever certificate.";
    SubscribesAgain "subscribes-again" on "polling-fallback" ["SYNC-7"]
        "Each reconnect subscribes once more.";
    NeverSubscribes "never-subscribes" on "polling-fallback" ["SYNC-7"]
        "The socket is joined and nothing is subscribed.";
    TwoSockets "two-sockets" on "long-session" ["SYNC-10"]
        "A second socket is opened beside the first.";
    BadRecordClearsList "bad-record-clears-list" on "bad-data" ["DATA-1"]
        "One record that cannot be read makes the app show an empty list.";
    UnreadableIsEmpty "unreadable-is-empty" on "bad-data" ["DATA-1"]
        "An answer that cannot be read is shown as if there were nothing.";
    BadEventClearsList "bad-event-clears-list" on "bad-events" ["DATA-1"]
        "An event that cannot be used makes the app show an empty list.";
    NamesUserBefore "names-user-before" on "user-switch" ["SCOPE-7"]
        "Reads name the user of the session before in their query.";
    SendsWholeObjects "sends-whole-objects" on "whole-objects" ["SCOPE-9"]
        "The sign-out carries more of the session than was asked for.";
    SignsOutWithAccessToken "signs-out-with-access-token" on "sign-out" ["SCOPE-8"]
        "The access token stands where the sign-out has the refresh token.";
    SendsUndefined "sends-undefined" on "sign-in" ["SESSION-17"]
        "After sign-in one read goes out with the word that stands for a missing token.";
    LosesSession "loses-session" on "found-again" ["SESSION-18"]
        "What was stored is not found at a start, and the user signs in again.";
    ReadsNothingAnew "reads-nothing-anew" on "next-user" ["SESSION-19"]
        "For the second user nothing is read that is theirs alone.";
    NeverRenewsSocket "never-renews-socket" on "renewed-socket" ["SESSION-20"]
        "A token that is renewed is not handed over on the socket that stays connected.";
    RenewsWithOldToken "renews-with-old-token" on "renewed-socket" ["SESSION-20"]
        "After a refresh the old token is handed over on the socket.";
    AsksPastTheEnd "asks-past-the-end" on "needed-reads" ["SYNC-16"]
        "A list whose last page has come is asked for one more.";
    ReadsWhole "reads-whole" on "needed-reads" ["SYNC-16"]
        "What is still held is read whole, without a condition.";
    ReadsAfterEvents "reads-after-events" on "needed-reads" ["SYNC-16"]
        "What an event has just brought is read again.";
    NoFeedAfterRestore "no-feed-after-restore" on "session-restore" []
        "Reopened, the app shows its session and never opens its feed.";
    NeverLands "never-lands" on "sign-in" []
        "Signed in, the app goes on showing its sign-in screen.";
    GoesBlank "goes-blank" on "five-minutes" ["SESSION-13"]
        "Minutes into a session an error that nobody handles takes the screen away.";
    LetsFeedGo "lets-feed-go" on "dropped-feed" ["SYNC-15", "FIGURE-8"]
        "A feed that breaks is not opened again; the app goes on by polling.";
    SignsInTwice "signs-in-twice" on "slow-sign-in" ["SESSION-21"]
        "One tap on the button sends two sign-ins.";
    RepeatsRefusedSignIn "repeats-refused-sign-in" on "wrong-password" ["SESSION-21"]
        "A password that was refused is sent again, without anybody's asking.";
    SpreadsRefreshToken "spreads-refresh-token" on "sign-in" ["SESSION-1"]
        "A read carries the refresh token in a header.";
    LoadsIntoMaintenance "loads-into-maintenance" on "started-into-maintenance" ["KILL-2"]
        "A start that is told of a maintenance reads its first screen all the same.";
    KeepsCursors "keeps-cursors" on "user-switch" ["TENANT-6"]
        "The next user's first reads of lists carry the cursors of the user before.";
    Mute "mute" on "long-session" ["NET-15"]
        "The server's pings are not answered.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_is_found_by_its_kebab_case_name() {
        for &quirk in Quirk::ALL {
            assert_eq!(Quirk::named(quirk.name()), Some(quirk));
            assert!(
                quirk
                    .name()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()),
                "{quirk}"
            );
        }
    }
}

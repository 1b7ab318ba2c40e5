//! The same plots played by our client and by the stock one, against the real server and through
//! the same kind of gateway: what they hear and what they put on the wire is the same.

mod record;
mod stage;

use rehearsal::internals::domain::journal::Frame;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Setup, quiet};
use record::Record;
use stage::{Kind, Stage};

const TRADING: &str = super::TRADING;
const NOTES: &str = "/notes";

/// Every client has a Node server, and the stock one is a Node process itself. More of them at
/// once than this would only slow one another down.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plot {
    Conversation,
    Bytes,
    Refusal,
    SentAway,
    ConnectionClosed,
    OneOfTwoSentAway,
    Restart,
    Leaving,
}

/// A client that has joined and settled on its transport.
async fn begin(kind: Kind, setup: Setup, server: &Value) -> Stage {
    let mut stage = Stage::of(kind, setup, server).await;
    stage.join(TRADING).await;
    // With this the server has seen the upgrade as well.
    stage.talk().await;
    stage
}

async fn play(plot: Plot, kind: Kind, setup: Setup) -> Record {
    let mut stage = begin(kind, setup, &quiet()).await;
    match plot {
        Plot::Conversation => conversation(&mut stage).await,
        Plot::Bytes => bytes(&mut stage).await,
        Plot::Refusal => refusal(&mut stage).await,
        Plot::SentAway | Plot::ConnectionClosed => {
            let close = plot == Plot::ConnectionClosed;
            stage.node.tell(json!({"do": "disconnect", "close": close}));
            stage.until("disconnect").await;
            stage.connect(TRADING);
            stage.until("connect").await;
            stage.upgraded_again().await;
        }
        Plot::OneOfTwoSentAway => {
            stage.connect(NOTES);
            stage.until("connect /notes").await;
            stage.node.tell(json!({"do": "disconnect", "close": false}));
            stage.until("disconnect /trading").await;
            stage.echo(NOTES, &json!(["still here"]), 1);
            stage.until("event /notes").await;
            stage.connect(TRADING);
            stage.until("connect /trading").await;
        }
        Plot::Restart => {
            stage.node.tell(json!({"do": "restart"}));
            stage.returned().await;
            stage.upgraded_again().await;
        }
        Plot::Leaving => {
            stage.leave(TRADING);
            stage.until("disconnect").await;
            stage.served("disconnected").await;
            if setup == Setup::PollingOnly {
                stage.sent(|packet| *packet == Frame::Close).await;
            }
            return stage.record();
        }
    }
    // A last round trip: everything before it has crossed the gateway.
    stage.talk().await;
    stage.record()
}

async fn conversation(stage: &mut Stage) {
    stage.echo(
        TRADING,
        &json!([1, "naïve 🔑", {"a": [true, null, 1.5]}]),
        1,
    );
    stage.until("event /trading echoed").await;
    // The first goes alone, since nothing is under way; the others wait for it.
    stage.echo(TRADING, &json!(["again"]), 3);
    for _ in 0..3 {
        stage.until("event /trading echoed").await;
    }
    stage.ask(TRADING, &json!([{"n": 1}]));
    stage.until("acked").await;
    stage
        .node
        .tell(json!({"do": "ask", "event": "still-there", "args": ["?"]}));
    stage.until("event /trading still-there").await;
    stage.answer(TRADING, &json!(["yes", {"$binary": "AP8="}]));
    stage.served("answered").await;
}

async fn bytes(stage: &mut Stage) {
    let chart = json!({"symbol": "X", "points": {"$binary": "AQID"}});
    stage
        .node
        .tell(json!({"do": "emit", "event": "chart", "args": [chart, {"$binary": "/w=="}]}));
    stage.until("event /trading chart").await;
    for args in [json!([{"$binary": "AP8="}, "x"]), json!([{"$binary": ""}])] {
        stage.echo(TRADING, &args, 1);
        stage.until("event /trading echoed").await;
        stage.ask(TRADING, &args);
        stage.until("acked").await;
    }
}

async fn refusal(stage: &mut Stage) {
    stage.connect("/admin");
    stage.until("refused /admin").await;
    stage.connect("/nowhere");
    stage.until("refused /nowhere").await;
}

#[rstest]
#[tokio::test]
async fn our_client_and_the_stock_one_cannot_be_told_apart(
    #[values(
        Plot::Conversation,
        Plot::Bytes,
        Plot::Refusal,
        Plot::SentAway,
        Plot::ConnectionClosed,
        Plot::OneOfTwoSentAway,
        Plot::Restart,
        Plot::Leaving
    )]
    plot: Plot,
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
) {
    both(async |kind| play(plot, kind, setup).await).await;
}

#[tokio::test]
async fn an_upgrade_that_the_gateway_refuses_leaves_both_on_polling() {
    both(async |kind| {
        let mut stage = Stage::of(kind, Setup::Default, &quiet()).await;
        stage.set_websocket(false);
        stage.connect(TRADING);
        stage.until("connect").await;
        stage.ever("not-upgraded").await;
        stage.ask(TRADING, &json!([{"$binary": "AP8="}]));
        stage.until("acked").await;
        stage.record()
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn both_choose_the_same_transports_when_websocket_goes_and_comes_back(
    #[values(Setup::Default, Setup::AllTransports, Setup::Remembering)] setup: Setup,
) {
    both(async |kind| {
        let mut stage = begin(kind, setup, &quiet()).await;
        let mut upgrades = usize::from(setup.upgrades());
        // A session that was lost on WebSocket.
        stage.node.tell(json!({"do": "cut"}));
        stage.returned().await;
        upgrades += usize::from(setup == Setup::Default);
        stage.upgraded(upgrades).await;
        stage.talk().await;
        stage.set_websocket(false);
        stage.returned().await;
        if setup.upgrades() {
            stage.ever("not-upgraded").await;
        }
        stage.talk().await;
        // One that was lost on polling.
        stage.set_websocket(true);
        stage.node.tell(json!({"do": "cut"}));
        stage.returned().await;
        upgrades += usize::from(setup.upgrades());
        stage.upgraded(upgrades).await;
        stage.talk().await;
        stage.record()
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn only_a_client_that_tries_all_transports_takes_the_second(
    #[values(Setup::WebSocketOnly, Setup::AllTransports)] setup: Setup,
) {
    both(async |kind| {
        let mut stage = Stage::of(kind, setup, &quiet()).await;
        stage.set_websocket(false);
        stage.connect(TRADING);
        if setup == Setup::AllTransports {
            stage.until("connect").await;
        } else {
            stage.until("unreached").await;
            stage.set_websocket(true);
            stage.until("connect").await;
        }
        stage.talk().await;
        stage.record()
    })
    .await;
}

/// What a server that keeps what a lost connection misses is to make of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Short,
    /// Longer than the server keeps anything.
    Long,
    /// The client had heard nothing by which it could say how far it got.
    BeforeAnyEvent,
    /// The server itself was new.
    Restart,
}

#[rstest]
#[tokio::test]
async fn both_recover_the_same_after_the_same_loss(
    #[values(Loss::Short, Loss::Long, Loss::BeforeAnyEvent, Loss::Restart)] loss: Loss,
    #[values(Setup::Default, Setup::WebSocketOnly, Setup::PollingOnly)] setup: Setup,
) {
    let mut server = quiet();
    server["connectionStateRecovery"] = match loss {
        Loss::Long => json!({"maxDisconnectionDuration": 1}),
        _ => json!({}),
    };
    both(async |kind| {
        let mut stage = begin(kind, setup, &server).await;
        if loss != Loss::BeforeAnyEvent {
            stage
                .node
                .tell(json!({"do": "emit", "event": "price", "args": [1]}));
            stage.until("event /trading price").await;
        }
        stage.node.tell(match loss {
            Loss::Restart => json!({"do": "restart"}),
            _ => json!({"do": "cut", "event": "missed"}),
        });
        stage.until("disconnect").await;
        if loss == Loss::Short {
            stage.until("event /trading missed").await;
        }
        let recovered = stage.until("connect").await.ends_with("true");
        assert_eq!(recovered, loss == Loss::Short);
        stage.upgraded_again().await;
        stage.talk().await;
        stage
            .node
            .tell(json!({"do": "emit", "event": "price", "args": [2, "and on"]}));
        stage.until("event /trading price").await;
        stage.record()
    })
    .await;
}

async fn both(play: impl AsyncFn(Kind) -> Record) {
    let _turn = TURNS.acquire().await;
    let ours = play(Kind::Ours).await;
    let stock = play(Kind::Stock).await;
    assert_eq!(ours, stock, "\nours:  {ours:#?}\nstock: {stock:#?}");
}

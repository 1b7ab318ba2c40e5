//! The same plots played by our client and by the stock one, against the real server and through
//! the same kind of gateway: what they hear and what they put on the wire is the same.

mod record;
mod stage;

use rehearsal::domain::journal::Frame;
use rstest::rstest;
use serde_json::json;
use tokio::sync::Semaphore;

use super::Setup;
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

async fn play(plot: Plot, kind: Kind, setup: Setup) -> Record {
    let mut stage = Stage::of(kind, setup).await;
    stage.join(TRADING).await;
    // With this the server has seen the upgrade as well.
    stage.ask(TRADING, &json!(["the beginning"]));
    stage.until("acked").await;
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
            stage.until("disconnect").await;
            stage.until("connect").await;
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
    stage.ask(TRADING, &json!(["the end"]));
    stage.until("acked").await;
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
    let _turn = TURNS.acquire().await;
    let ours = play(plot, Kind::Ours, setup).await;
    let stock = play(plot, Kind::Stock, setup).await;
    same(&ours, &stock);
}

#[tokio::test]
async fn an_upgrade_that_the_gateway_refuses_leaves_both_on_polling() {
    let _turn = TURNS.acquire().await;
    let play = async |kind| {
        let mut stage = Stage::of(kind, Setup::Default).await;
        stage.set_websocket(false);
        stage.connect(TRADING);
        stage.until("connect").await;
        stage.ever("not-upgraded").await;
        stage.ask(TRADING, &json!([{"$binary": "AP8="}]));
        stage.until("acked").await;
        stage.record()
    };
    let ours = play(Kind::Ours).await;
    let stock = play(Kind::Stock).await;
    same(&ours, &stock);
}

fn same(ours: &Record, stock: &Record) {
    assert_eq!(ours, stock, "\nours:  {ours:#?}\nstock: {stock:#?}");
}

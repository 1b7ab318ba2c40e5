//! What is refused for a limit is journalled as that, and the others are served.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::domain::journal::{Answerer, Bound, LossReason};
use crate::gateway::Limits;

const SHORT: Duration = Duration::from_secs(5);

fn bounded(limits: Limits) -> Room {
    let listen = Listen {
        limits,
        ..Listen::default()
    };
    let net = Net::Memory;
    Room::listening(net, "http", Mode::Enforcing, &listen)
}

impl Room {
    /// The limits for which something was refused, in order.
    fn refused(&self) -> Vec<(Bound, u64)> {
        let limited = self.facts().into_iter().filter_map(|fact| match fact {
            Fact::Limited { bound, most, .. } => Some((bound, most)),
            _ => None,
        });
        limited.collect()
    }

    fn lost(&self) -> Vec<LossReason> {
        let lost = self.facts().into_iter().filter_map(|fact| match fact {
            Fact::Lost { reason, .. } => Some(reason),
            _ => None,
        });
        lost.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_too_many_is_sent_away_and_another_comes_in_when_one_has_left() {
    let room = bounded(Limits {
        connections: 1,
        ..Limits::default()
    });
    let first = room.connect("trading").await.unwrap();
    settle().await;
    for _ in 0..2 {
        let mut second = room.connect("platform").await.unwrap();
        let read = second.read_to_end(&mut Vec::new()).await;
        assert_eq!(read.unwrap_or_default(), 0);
    }
    assert_eq!(room.refused(), [(Bound::Connections, 1)], "told once");
    drop(first);
    settle().await;
    let got = room.get("trading", "/api/positions").await.unwrap();
    assert_eq!(got.status, 200);
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_refused_in_time_and_an_idle_connection_only_ends() {
    let limits = Limits {
        head: Some(SHORT),
        ..Limits::default()
    };
    let room = bounded(limits);
    let good = "GET /api/positions HTTP/1.1\r\nHost: gateway-trading\r\n\r\n";
    let mut idle = room.connect("trading").await.unwrap();
    idle.write_all(good.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = idle.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    settle().await;
    assert_eq!(room.refused(), []);
    let mut half = room.connect("trading").await.unwrap();
    half.write_all(&good.as_bytes()[..20]).await.unwrap();
    let _ = half.read_to_end(&mut Vec::new()).await;
    settle().await;
    assert_eq!(room.refused(), [(Bound::Head, 5)]);
    assert_eq!(room.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_refused_and_nobody_is_blamed() {
    let limits = Limits {
        body: Some(SHORT),
        ..Limits::default()
    };
    let room = bounded(limits);
    let mut stream = room.connect("trading").await.unwrap();
    let head =
        "POST /api/push-tokens HTTP/1.1\r\nHost: gateway-trading\r\nContent-Length: 10\r\n\r\nabc";
    stream.write_all(head.as_bytes()).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    settle().await;
    assert_eq!(room.refused(), [(Bound::Body, 5)]);
    assert_eq!(room.lost(), [LossReason::Fault]);
    assert_eq!(room.backend.seen().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn bodies_wait_for_room_in_memory_and_not_for_ever() {
    let limits = Limits {
        body: Some(SHORT),
        buffered: 1,
        ..Limits::default()
    };
    let room = bounded(limits);
    for _ in 0..2 {
        let small = room.post("trading", "/api/push-tokens", "{}").await;
        assert!(small.is_ok(), "room comes back: {small:?}");
    }
    let large = "y".repeat(8 * 1024);
    assert!(
        room.post("trading", "/api/push-tokens", &large)
            .await
            .is_err()
    );
    settle().await;
    assert_eq!(room.refused(), [(Bound::Buffered, 1)]);
    assert_eq!(room.lost(), [LossReason::Fault]);
}

#[tokio::test(start_paused = true)]
async fn long_bodies_that_come_at_once_come_to_their_end_one_after_the_other() {
    let limits = Limits {
        body: Some(SHORT),
        buffered: 4 * 1024,
        ..Limits::default()
    };
    let room = bounded(limits);
    let target = "/socket.io/?EIO=4&transport=polling&sid=nobodys";
    let long = "4y".repeat(1024 * 1024);
    let posts = (0..6).map(|_| room.post("trading", target, &long));
    for got in futures_util::future::join_all(posts).await {
        assert!(got.is_ok(), "{got:?}");
    }
    assert_eq!(room.refused(), []);
}

#[tokio::test(start_paused = true)]
async fn a_post_of_very_many_packets_is_refused_whole() {
    let room = bounded(Limits::default());
    let target = "/socket.io/?EIO=4&transport=polling";
    room.get("trading", target).await.unwrap();
    let before = room.facts().len();
    let body = "\u{1e}".repeat(200_000);
    let got = room
        .post("trading", &format!("{target}&sid=S1"), &body)
        .await;
    assert_eq!(got.unwrap().status, 413);
    assert_eq!(room.refused(), [(Bound::Packets, 10_000)]);
    let last = room.answers().pop().unwrap();
    assert_eq!((last.status, last.from), (413, Answerer::Fault));
    assert!(room.facts().len() < before + 10, "{}", room.facts().len());
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_bounded_however_long_a_post_is() {
    let room = bounded(Limits::default());
    let target = "/socket.io/?EIO=4&transport=polling&sid=nobodys";
    let before = room.written().len();
    let _ = room
        .post("trading", target, &"4y".repeat(1024 * 1024))
        .await;
    let more = room.written().len() - before;
    assert!(more < 512 * 1024, "{more} bytes");
}

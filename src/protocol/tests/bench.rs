//! A server alone, among hand-made requests and frames.

use serde_json::Value;

use super::network::{ms, trading};
use crate::protocol::packet::Frame;
use crate::protocol::server::{
    CloseReason, Event, ExchangeId, Input, Options, Output, PeerId, Request, Server, SocketId,
};

pub(super) struct Bench {
    pub(super) server: Server,
    pub(super) now: std::time::Duration,
    pub(super) exchanges: u64,
}

impl Bench {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            now: ms(0),
            exchanges: 0,
        }
    }

    pub(super) fn echo() -> Self {
        Self::new(Server::echo(Options::default()))
    }

    pub(super) fn tell(&mut self, input: Input) -> Vec<Output> {
        self.server.handle(input, self.now);
        let mut outputs = Vec::new();
        while let Some(output) = self.server.next_output() {
            outputs.push(output);
        }
        outputs
    }

    /// Lets time pass and returns everything that happened.
    pub(super) fn pass(&mut self, millis: u64) -> Vec<Output> {
        let end = self.now + ms(millis);
        let mut outputs = Vec::new();
        while let Some(deadline) = self.server.deadline().filter(|at| *at <= end) {
            self.now = deadline;
            outputs.extend(self.tell(Input::Tick));
        }
        self.now = end;
        outputs
    }

    pub(super) fn send(
        &mut self,
        method: &str,
        query: &str,
        body: &str,
    ) -> (ExchangeId, Vec<Output>) {
        let exchange = ExchangeId(self.exchanges);
        self.exchanges += 1;
        let request = Request {
            method: method.to_owned(),
            query: query.to_owned(),
            content_type: None,
            body: body.to_owned(),
        };
        (exchange, self.tell(Input::Request { exchange, request }))
    }

    /// Sends a request that is answered at once.
    pub(super) fn ask(&mut self, method: &str, query: &str, body: &str) -> (u16, String) {
        let (exchange, outputs) = self.send(method, query, body);
        answer(&outputs, exchange).unwrap_or_else(|| panic!("no answer in {outputs:?}"))
    }

    pub(super) fn session(&mut self) -> String {
        let (status, body) = self.ask("GET", "EIO=4&transport=polling", "");
        assert_eq!(status, 200);
        let hello: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
        format!(
            "EIO=4&transport=polling&sid={}",
            hello["sid"].as_str().unwrap()
        )
    }

    pub(super) fn websocket(&mut self, socket: u64, query: &str) -> Vec<Output> {
        let socket = SocketId(socket);
        let query = query.to_owned();
        self.tell(Input::Upgrade { socket, query })
    }

    pub(super) fn frame(&mut self, socket: u64, frame: &str) -> Vec<Output> {
        let frame = Frame::Text(frame.to_owned());
        self.tell(Input::WsFrame {
            socket: SocketId(socket),
            frame,
        })
    }

    /// A WebSocket session on socket 1 with the main namespace accepted.
    pub(super) fn connected() -> (Self, PeerId) {
        let mut bench = Self::new(Server::new(trading()));
        bench.websocket(1, "EIO=4&transport=websocket");
        let outputs = bench.frame(1, "40");
        let [Output::Event(Event::Connect { peer, .. })] = outputs[..] else {
            panic!("{outputs:?}");
        };
        bench.tell(Input::Accept { peer });
        (bench, peer)
    }
}

pub(super) fn answer(outputs: &[Output], to: ExchangeId) -> Option<(u16, String)> {
    outputs.iter().find_map(|output| match output {
        Output::Respond { exchange, response } if *exchange == to => {
            Some((response.status, response.body.clone()))
        }
        _ => None,
    })
}

pub(super) fn sends(outputs: &[Output]) -> Vec<&str> {
    let text = |output| match output {
        &Output::SendWs {
            frame: Frame::Text(ref text),
            ..
        } => Some(text.as_str()),
        _ => None,
    };
    outputs.iter().filter_map(text).collect()
}

pub(super) fn closes(outputs: &[Output], which: u64) -> bool {
    outputs
        .iter()
        .any(|output| matches!(output, Output::CloseWs { socket, .. } if socket.0 == which))
}

pub(super) fn closed_because(outputs: &[Output]) -> Option<CloseReason> {
    outputs.iter().find_map(|output| match output {
        Output::Event(Event::SessionClosed { reason, .. }) => Some(*reason),
        _ => None,
    })
}

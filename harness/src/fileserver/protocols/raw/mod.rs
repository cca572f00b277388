#![doc = include_str!("../raw.md")]

mod client;
mod server;

use super::Row;
use ferrybench_data::fileserver::Operation;

/// Its row in the table.
pub(super) const ROW: Row = Row {
    name: "raw",
    help: "length-prefixed binary: the least that can be said around a file",
    goes_ahead: true,
    server: |shelf, _| Box::new(server::Server::new(shelf)),
    client: |request, _| Box::new(client::Client::new(request)),
};

const REQUEST_HEAD: usize = 10;
const REPLY_HEAD: usize = 9;
/// Longest list that a reply holds, bytes.
const LONGEST_LIST: usize = 16 << 20;
/// Longest sentence that a reply holds, bytes.
const LONGEST_MESSAGE: usize = 4 << 10;

const DONE: u8 = 0;
const ERROR: u8 = 1;
const GO_AHEAD: u8 = 2;

const fn code(operation: Operation) -> u8 {
    match operation {
        Operation::List => 1,
        Operation::Download => 2,
        Operation::Upload => 3,
        Operation::Delete => 4,
    }
}

fn operation(byte: u8) -> Option<Operation> {
    Operation::ALL.iter().copied().find(|operation| code(*operation) == byte)
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("callers cut out eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fileserver::{
            protocols::{
                Request,
                tests::{OPTIONS, only, row, shelves},
            },
            script::Side,
        },
        shelf::Keep,
    };

    fn request(operation: u8, name: &[u8], length: u64) -> Vec<u8> {
        let mut request = vec![operation, name.len() as u8];
        request.extend_from_slice(&length.to_le_bytes());
        request.extend_from_slice(name);
        request
    }

    fn reply(status: u8, body: &[u8]) -> Vec<u8> {
        let mut reply = vec![status];
        reply.extend_from_slice(&(body.len() as u64).to_le_bytes());
        reply.extend_from_slice(body);
        reply
    }

    #[test]
    fn a_connection_survives_requests_that_fail() {
        let shelves = shelves(Keep::Files);
        let mut server = Side::new((row("raw").server)(&shelves.server, OPTIONS), &[9]);
        let mut expected = Vec::new();
        for (ask, why) in [
            (request(9, b"a", 5), "there is no such operation"),
            (request(2, b"\xff", 0), "the name is not UTF-8"),
            (request(2, b"", 0), "the name is empty"),
            (request(3, b"../a", 5), "a name has no path in it"),
        ] {
            server.hears(&ask);
            expected.extend(reply(ERROR, why.as_bytes()));
            assert_eq!(server.finished().last().unwrap().failure.as_deref(), Some(why));
        }
        let two = [request(3, b"a", 2), b"hi".to_vec(), request(1, b"", 0), request(2, b"a", 0)];
        server.hears(&two.concat());
        expected.extend(
            [reply(GO_AHEAD, b""), reply(DONE, b""), reply(DONE, b"\x01a"), reply(DONE, b"hi")].concat(),
        );
        assert_eq!(server.sent, expected);
        server.hears_the_end();
        assert!(matches!(server.end, Some(Ok(()))));
    }

    #[test]
    fn a_client_says_what_is_wrong_with_a_reply() {
        let shelves = shelves(Keep::Files);
        let part = [reply(DONE, b"").as_slice(), b""].concat();
        for (heard, why) in [
            (&part[..4], "the server closed in the middle of its reply"),
            (&reply(7, b""), "the reply makes no sense: status 7 and 0 bytes to follow"),
            (&reply(GO_AHEAD, b""), "the reply makes no sense: status 2 and 0 bytes to follow"),
            (&reply(ERROR, b"no room"), "no room"),
            (&reply(DONE, b"content")[..12], "the server closed after 3 of 7 bytes of content"),
        ] {
            let mut client = Side::new((row("raw").client)(shelves.download("a"), OPTIONS), &[5]);
            client.hears(heard);
            client.hears_the_end();
            assert_eq!(only(&client).failure.as_deref(), Some(why));
        }
        for (body, why) in [
            (&b"\x05ab"[..], "a name of the list is cut off"),
            (b"\x01\xff", "a name of the list is not UTF-8"),
        ] {
            let mut client = Side::new((row("raw").client)(Request::List, OPTIONS), &[5]);
            client.hears(&reply(DONE, body));
            assert_eq!(only(&client).failure.as_deref(), Some(why));
        }
    }
}

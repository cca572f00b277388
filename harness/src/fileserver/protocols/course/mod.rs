//! The file protocol of a network-programming course: a request is a line of text, a reply is one JSON object with content
//! in base64, ended by CR LF CR LF. A file of 100 MiB is one line of 140 MB, so both sides work piece by piece: what a
//! connection holds does not grow with the file.

mod base64;
mod client;
mod reply;
mod request;
mod server;
mod shell;

use super::Row;
use std::time::Duration;

/// Its row in the table.
pub(super) const ROW: Row = Row {
    name: "course",
    help: "lines of text, replies in JSON with content in base64, as a course on network programming hands out",
    goes_ahead: false,
    server: |shelf, options| Box::new(server::Server::new(shelf, options)),
    client: |request, options| Box::new(client::Client::new(request, options)),
};

/// What ends a reply.
const END: &[u8] = b"\r\n\r\n";
/// Longest request, an upload's content aside, bytes.
const LONGEST_LINE: usize = 4 << 10;
/// Longest reply, a download's content aside, bytes.
const LONGEST_REPLY: usize = 1 << 20;
/// Silence that ends a request without a line ending, as older clients send it.
const PATIENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;

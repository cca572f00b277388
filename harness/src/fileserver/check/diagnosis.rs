//! The mistakes that have a name, and what to do about each.

use serde::{Serialize, Serializer};

macro_rules! diagnoses {
    ($($variant:ident $name:literal $advice:literal;)*) => {
        /// A mistake that a course server makes, as far as a client can see it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Diagnosis {
            $(#[doc = $advice] $variant,)*
        }

        impl Diagnosis {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name: words with hyphens.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What to do about it: one sentence.
            pub fn advice(self) -> &'static str {
                match self {
                    $(Self::$variant => $advice,)*
                }
            }
        }
    };
}

diagnoses! {
    NoReply "no-reply" "Answer every request, a wrong one included: a client that gets nothing waits for ever.";
    NotJson "not-json" "Reply with one JSON object, then CR LF CR LF.";
    NoStatus "no-status" "Give every reply a field `status` that is `OK` or `ERROR`.";
    NoEndMark "no-end-mark" "End every reply with CR LF CR LF: clients read until they see it.";
    ExtraBytes "extra-bytes" "Send nothing after CR LF CR LF: a second request on the connection would read it as its reply.";
    ClosesEarly "closes-early" "Send the whole reply (`sendall`) before the connection is closed.";
    MissingField "missing-field" "Reply with the fields that clients read: `data`, for GET `data_namafile` and `data_file`, for DELETE `message` as well.";
    HidesErrors "hides-errors" "Reply `ERROR` where a request cannot be met: a client counts `OK` as a success.";
    OtherWords "other-words" "Answer an unknown verb with the words `request tidak dikenali`, which clients compare.";
    RefusesGoodRequest "refuses-good-request" "Look at the error in the reply: the request follows the protocol.";
    NeedsCrLf "needs-cr-lf" "End a request at LF, and remove a CR before it.";
    NeedsLineEnding "needs-line-ending" "Answer LIST, GET, DOWNLOAD and DELETE after 200 ms of silence as well: the course's first clients send no line ending.";
    NeedsBlankLine "needs-blank-line" "End a request at its first LF: CR LF CR LF ends replies only.";
    KeepsLineEnding "keeps-line-ending" "Remove CR and LF from the line before it is split into words.";
    AnswersEachRead "answers-each-read" "Collect what `recv` returns until a line is complete: a read is not a request.";
    LosesSecondRequest "loses-second-request" "Keep what came after the line ending: it is the beginning of the next request.";
    OneRequest "one-request-per-connection" "Read the next request after a reply, until the client closes the connection.";
    ClosesAfterError "closes-after-error" "Keep the connection open after an `ERROR` reply.";
    KnowsOneCase "knows-one-case" "Compare verbs without regard to case.";
    LowerCasesParameters "lower-cases-parameters" "Lower-case the verb alone: file names differ in case.";
    LowerCasesBase64 "lower-cases-base64" "Lower-case the verb alone: base64 in another case is other content.";
    NoQuotes "no-quotes" "Split the parameters as a POSIX shell does (`shlex.split`): quotes keep a space in a name.";
    PathEscape "path-escape" "Refuse names with a path: whoever reaches the port can read and write files outside the served folder.";
    TakesBadNames "takes-bad-names" "Refuse a name with a separator, `..`, an empty name and one of more than 255 bytes, instead of making another of it.";
    RefusesLongNames "refuses-long-names" "Take names of up to 255 bytes; a temporary name must not be longer than the name itself.";
    ListHidesNames "list-hides-names" "List every file, not `*.*`: a name needs no dot.";
    NoUpload "no-upload" "Add UPLOAD: the stress test uploads as many files as it downloads.";
    NoDownload "no-download" "Add DOWNLOAD, which does what GET does.";
    NoDelete "no-delete" "Add DELETE: a stress test removes what it uploaded.";
    DeleteKeepsFile "delete-keeps-file" "Remove the file before DELETE is answered with `OK`.";
    CopiesSuccess "copies-success" "Reply `OK` to UPLOAD after the file is written and closed, and never otherwise.";
    Truncates "truncates" "Write, read and send the whole file: a part of it was stored or sent.";
    AddsBytes "adds-bytes" "Open files as binary and write what was decoded, nothing more.";
    Appends "appends" "Replace the file on UPLOAD (`wb`, or a temporary name and a rename) instead of appending to it.";
    BytesLiteral "bytes-literal" "Call `.decode()` on bytes before they go into text: `b'...'` has been formatted into it.";
    TextOnly "text-only" "Open files as binary (`rb`, `wb`) and do not decode their content: pictures are not UTF-8.";
    WrongContent "wrong-content" "Compare the checksums of a file before UPLOAD and after GET: the content differs.";
    IgnoresBadBase64 "ignores-bad-base64" "Let base64 that cannot be decoded be an `ERROR`, and store nothing.";
    LooseBase64 "loose-base64" "Decode strictly (`b64decode(text, validate=True)`): other letters are passed over and damage goes unseen.";
    OneNameForAll "one-name-for-all" "Store each upload under the name in its request: all of them land in one file.";
    MixesFiles "mixes-files" "Keep name and content in local variables and give each upload a temporary name of its own: requests at the same time share them.";
    PauseEndsUpload "pause-ends-upload" "End an UPLOAD at its line ending only: a pause in a slow upload stores half a file.";
    StoresHalf "stores-half" "Throw an UPLOAD away when its connection ends before its line does.";
    OneThread "one-thread" "Hand each connection to a worker and go on accepting: the pool serves one connection at a time.";
    SmallerPool "smaller-pool" "Look where the pool is made: fewer workers serve than were asked for.";
    Dies "dies" "Catch errors for each connection: one client's must not end the server.";
    DiesUnderLoad "dies-under-load" "Limit workers and memory for each connection: the server ended when several clients came at once.";
    Quadratic "quadratic" "Look for the end only in what is new, and collect pieces in a list: time grows with the square of the size.";
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// Mistakes of clients and reports that are known from published runs: a server's port does not show them.
pub const NOT_VISIBLE: &[(&str, &str)] = &[
    ("summed-time", "total time summed over clients that ran at the same time"),
    ("nominal-throughput", "throughput from the nominal size although the transfer failed"),
    ("crash-as-zero", "a crash recorded as 0 s"),
    ("copied-server-count", "server successes copied from the client's count"),
    ("idle-as-success", "idle server workers counted as successful"),
    ("no-verification", "content that the client never compares"),
    ("one-upload-name", "all clients uploading under one name"),
    ("sleep-for-readiness", "sleeping instead of waiting until the server is ready"),
    ("tiny-reads", "reads of 1 or 16 bytes, and a search of the whole reply after each"),
];

#[cfg(test)]
mod tests {
    use super::Diagnosis;
    use std::collections::HashSet;

    #[test]
    fn names_are_unlike_and_advice_is_a_sentence() {
        let names: HashSet<_> = Diagnosis::ALL.iter().map(|diagnosis| diagnosis.name()).collect();
        assert_eq!(names.len(), Diagnosis::ALL.len());
        for diagnosis in Diagnosis::ALL {
            assert!(diagnosis.advice().ends_with('.'), "{}", diagnosis.name());
        }
    }
}

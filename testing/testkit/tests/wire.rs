//! What each kind of answer looks like on the wire, read byte by byte: an HTTP client would repair or hide much of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use jwksmith_jose::{Algorithm, UnixTime};
use jwksmith_testkit::{Answers, FakeIssuer, Gate, Reply, TestKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATH: &str = "/x";

/// What came back before the connection ended.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn connect(issuer: &FakeIssuer) -> std::io::Result<TcpStream> {
    let authority = issuer.issuer().trim_start_matches("http://").trim_end_matches('/');
    TcpStream::connect(authority).await
}

async fn ask(issuer: &FakeIssuer, request: &str) -> std::io::Result<Answer> {
    let mut stream = connect(issuer).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
    let body = bytes.split_off(end);
    Ok(Answer { head: String::from_utf8(bytes).unwrap(), body })
}

async fn get_with(issuer: &FakeIssuer, headers: &str) -> Answer {
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    ask(issuer, &request).await.unwrap()
}

async fn get(issuer: &FakeIssuer) -> Answer {
    get_with(issuer, "").await
}

async fn answer_to(reply: Reply) -> Answer {
    let issuer = FakeIssuer::start().await;
    issuer.serve(PATH, reply);
    get(&issuer).await
}

#[tokio::test]
async fn headers_are_sent_as_they_were_given() {
    let time = UnixTime::from_seconds(784_111_777);
    let reply = Reply::text("{}")
        .content_type("text/html")
        .content_type("application/json")
        .cache_control("max-age=100000000000000000000")
        .etag("\"1\"")
        .retry_after("soon")
        .age(7)
        .last_modified(time)
        .expires(time)
        .date(time);
    let answer = answer_to(reply).await;
    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    let cases = [
        ("content-type", Some("application/json")),
        ("cache-control", Some("max-age=100000000000000000000")),
        ("etag", Some("\"1\"")),
        ("retry-after", Some("soon")),
        ("age", Some("7")),
        ("last-modified", date),
        ("expires", date),
        ("date", date),
        ("content-length", Some("2")),
        ("transfer-encoding", None),
    ];
    for (name, expected) in cases {
        assert_eq!(answer.header(name), expected, "{name}");
    }
    assert_eq!((answer.status(), answer.text()), ("200", "{}"));
    assert_eq!(answer.head.matches("date: ").count(), 1, "no true date beside the false one");
}

#[tokio::test]
async fn status_and_redirect_have_no_body() {
    for status in ["204", "304"] {
        let answer = answer_to(Reply::text("x").with_status(status.parse().unwrap())).await;
        assert_eq!((answer.status(), answer.header("content-length"), answer.text()), (status, None, ""));
    }
    let answer = answer_to(Reply::redirect(307, "file:///etc/passwd")).await;
    assert_eq!((answer.status(), answer.header("location")), ("307", Some("file:///etc/passwd")));
    assert_eq!((answer.header("content-length"), answer.text()), (Some("0"), ""));
}

#[tokio::test]
async fn truncated_body_promises_more_than_it_sends() {
    for (cut_at, promised, sent) in [(0, "6", ""), (5, "6", "abcde"), (6, "7", "abcdef"), (9, "10", "abcdef")]
    {
        let answer = answer_to(Reply::text("abcdef").truncated(cut_at)).await;
        assert_eq!((answer.header("content-length"), answer.text()), (Some(promised), sent), "{cut_at}");
    }
}

#[tokio::test]
async fn content_length_may_be_false() {
    let answer = answer_to(Reply::text("abcdef").header("Content-Length", "3")).await;
    assert_eq!((answer.header("Content-Length"), answer.text()), (Some("3"), "abcdef"));
    assert_eq!(answer.head.to_lowercase().matches("content-length").count(), 1);
}

#[tokio::test]
async fn huge_body_comes_in_chunks_without_a_length() {
    let answer = answer_to(Reply::text("{}").huge(100_000)).await;
    assert_eq!(
        (answer.header("content-length"), answer.header("transfer-encoding")),
        (None, Some("chunked"))
    );
    assert_eq!(answer.text().matches(' ').count(), 100_000 - 2);
    assert!(answer.body.starts_with(b"2\r\n{}\r\n") && answer.body.ends_with(b"\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn bomb_is_small_on_the_wire() {
    let answer = answer_to(Reply::text("{}").gzip_bomb(1 << 30)).await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 2 << 20, "{} bytes for a gibibyte", answer.body.len());
    // RFC 1952 §2.3.1: a member ends with its size.
    assert!(answer.body.ends_with(&(1_u32 << 30).to_le_bytes()));
}

#[tokio::test]
async fn reset_breaks_the_connection_without_a_byte() {
    let issuer = FakeIssuer::start().await;
    issuer.serve(PATH, Reply::reset());
    let outcome = ask(&issuer, "GET /x HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(outcome.err().unwrap().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(issuer.requests(PATH), 1);
}

#[tokio::test]
async fn hanging_answer_ends_with_the_issuer() {
    let issuer = FakeIssuer::start().await;
    issuer.serve(PATH, Reply::hang());
    let mut watched = issuer.watch();
    let mut stream = connect(&issuer).await.unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(watched.recv().await.unwrap().path(), PATH);
    drop(issuer);
    let mut bytes = Vec::new();
    // Closed or reset, as the system likes; but not one byte, and it ends.
    let _ = stream.read_to_end(&mut bytes).await;
    assert_eq!(bytes, b"");
}

#[tokio::test]
async fn gated_pieces_come_one_for_each_step() {
    let (issuer, gate) = (FakeIssuer::start().await, Gate::closed());
    issuer.serve(PATH, Reply::text("abcdefg").pieces_behind(3, &gate));
    let mut stream = connect(&issuer).await.unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let mut piece = [0; 9];
    for expected in ["abc", "def"] {
        gate.step();
        let bytes = stream.read(&mut piece).await.unwrap();
        assert_eq!(&piece[..bytes], expected.as_bytes());
    }
    gate.open();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "g");
}

#[tokio::test(start_paused = true)]
async fn trickling_body_takes_a_pause_before_each_piece() {
    // On a paused clock a pause takes no time, but is counted.
    let before = tokio::time::Instant::now();
    let answer = answer_to(Reply::text("abcdefg").trickle(3, Duration::from_mins(1))).await;
    assert_eq!(answer.text(), "abcdefg");
    assert_eq!(before.elapsed().as_secs(), 180);
}

#[tokio::test]
async fn many_keys_leave_the_good_one_where_it_was() {
    let key = TestKey::generate(Algorithm::ES256, "good");
    let answer = answer_to(Reply::keys(&[&key]).many_keys(300)).await;
    let set: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let kids: Vec<_> =
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!((kids.len(), kids[0], kids[1], kids[300]), (301, "good", "extra-0", "extra-299"));
}

#[tokio::test]
async fn answers_in_turn_end_with_the_last_and_flapping_ones_never() {
    let issuer = FakeIssuer::start().await;
    issuer.serve_in_turn(PATH, [503, 429, 200].map(Reply::status));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get(&issuer).await.status().to_owned());
    }
    issuer.flapping(PATH, [201, 202].map(Reply::status));
    for _ in 0..3 {
        statuses.push(get(&issuer).await.status().to_owned());
    }
    assert_eq!(statuses, ["503", "429", "200", "200", "201", "202", "201"]);
}

#[tokio::test]
async fn answers_depend_on_the_request() {
    let issuer = FakeIssuer::start().await;
    let media_type = "application/jwk-set+json";
    let by_accept = Answers::when_accepts(media_type, Reply::status(200), Reply::status(406));
    issuer.serve(PATH, Answers::when_header("authorization", "Bearer x", by_accept, Reply::status(401)));
    let cases = [
        ("", "401"),
        ("authorization: Bearer y\r\n", "401"),
        ("authorization: Bearer x\r\n", "200"),
        ("Authorization: Bearer x\r\nAccept: application/json\r\n", "406"),
        ("Authorization: Bearer x\r\nAccept: application/jwk-set+json\r\n", "200"),
    ];
    for (headers, expected) in cases {
        assert_eq!(get_with(&issuer, headers).await.status(), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn entity_tag_that_the_client_has_is_confirmed() {
    let issuer = FakeIssuer::start().await;
    issuer.serve(PATH, Reply::text("{}").etag("\"1\""));
    assert_eq!(get_with(&issuer, "if-none-match: \"1\"\r\n").await.status(), "304");
    assert_eq!(get_with(&issuer, "if-none-match: \"2\"\r\n").await.status(), "200");
    assert_eq!(get(&issuer).await.status(), "200");
    issuer.serve(PATH, Reply::status(500).etag("\"1\""));
    assert_eq!(get_with(&issuer, "if-none-match: \"1\"\r\n").await.status(), "500");
    assert_eq!((issuer.requests(PATH), issuer.confirmations(PATH)), (4, 1));
}

#[tokio::test]
async fn requests_are_remembered_with_all_they_said() {
    let issuer = FakeIssuer::start().await;
    let requests = "POST /x?a=1 HTTP/1.1\r\nHost: x\r\nX-Y: z\r\nContent-Length: 3\r\n\r\nabc\
                    HEAD /.well-known/openid-configuration HTTP/1.1\r\nhost: x\r\n\r\n\
                    GET /x HTTP/1.0\r\n\r\n";
    let answer = ask(&issuer, requests).await.unwrap();
    assert_eq!(
        answer.text().matches("HTTP/1.1 ").count(),
        2,
        "three answers over one connection: {}",
        answer.text()
    );
    assert!(!answer.text().contains('{'), "a HEAD has no body");
    let seen = issuer.requests_seen();
    let lines: Vec<_> = seen.iter().map(|seen| (seen.method(), seen.path(), seen.query())).collect();
    let expected = [("POST", "/x", Some("a=1")), ("HEAD", FakeIssuer::DISCOVERY, None), ("GET", "/x", None)];
    assert_eq!(lines, expected);
    assert_eq!(
        (seen[0].header("x-y"), seen[0].headers().len(), seen[2].header("host")),
        (Some("z"), 3, None)
    );
}

#[tokio::test]
async fn outage_answers_503_until_it_ends() {
    let issuer = FakeIssuer::start().await;
    issuer.serve(PATH, Reply::status(200));
    issuer.outage();
    assert_eq!(get(&issuer).await.status(), "503");
    issuer.recover().await;
    assert_eq!(get(&issuer).await.status(), "200");
}

#[tokio::test]
async fn unreachable_issuer_refuses_connections_and_comes_back_on_its_port() {
    let issuer = FakeIssuer::start().await;
    issuer.serve(PATH, Reply::status(200));
    let mut kept = connect(&issuer).await.unwrap();
    for _ in 0..2 {
        issuer.unreachable().await;
        let refused = connect(&issuer).await.err().unwrap().kind();
        assert_eq!(refused, std::io::ErrorKind::ConnectionRefused);
    }
    assert_eq!(kept.read(&mut [0]).await.unwrap_or_default(), 0, "a connection does not outlive it");
    for _ in 0..2 {
        issuer.recover().await;
        assert_eq!(get(&issuer).await.status(), "200");
    }
}

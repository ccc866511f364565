//! Endpoints against a small server on the loopback that does everything wrong a server can do.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use wilhelm_llm::{
    Address, ApiKey, ChatPrompt, Dialect, Endpoint, EndpointError, EndpointSettings, FinishReason,
    GenerateSettings, Generation, LlmError, Progress, Scrub, TextModel, silent,
};

/// What the server does with one connection.
enum Act {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes, then nothing until the client goes.
    Hang(Vec<u8>),
    /// Sends the first, then the second again and again until the client goes.
    Endless(Vec<u8>, Vec<u8>),
}

struct Server {
    port: u16,
    /// Head and body of each request.
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut acts: VecDeque<Act> = acts.into_iter().collect();
        let seen = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            while let Some(act) = acts.pop_front() {
                let (mut stream, _) = listener.accept().expect("a client");
                // A client that breaks off early is none of the server's business.
                if let Ok(request) = request(&stream) {
                    seen.lock().expect("no panic").push(request);
                    let _ = act.play(&mut stream);
                }
            }
        });
        Self { port, asked, thread: Some(thread) }
    }

    fn settings(&self) -> EndpointSettings {
        let host = format!("127.0.0.1:{}", self.port);
        let address = Address::new(&format!("http://{host}/v1"), &[host]).expect("listed");
        EndpointSettings {
            retries: 2,
            pause: Duration::from_millis(1),
            stall: Duration::from_secs(20),
            answer: Duration::from_secs(60),
            ..EndpointSettings::new(address, "small", Dialect::OpenAi)
        }
    }

    fn ask(&self) -> Result<Generation, LlmError> {
        self.ask_with(|settings| settings, &GenerateSettings::greedy(20), &mut silent)
    }

    fn ask_with(
        &self,
        change: impl FnOnce(EndpointSettings) -> EndpointSettings,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        let scrub = Scrub::new(|text| text.replace("Jane Doe", "[name]"));
        let model = Endpoint::open(change(self.settings()), scrub).expect("settings are sound");
        model.generate(&ChatPrompt::ask("What of Jane Doe?").with_system("Be brief."), settings, on_progress)
    }

    fn requests(mut self) -> Vec<(String, Value)> {
        self.thread.take().expect("joined once").join().expect("no panic");
        std::mem::take(&mut self.asked.lock().expect("no panic"))
    }
}

impl Act {
    fn play(self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Self::Send(bytes) => stream.write_all(&bytes)?,
            Self::Hang(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                // Ends when the client closes.
                let _ = stream.read(&mut [0; 16])?;
            }
            Self::Endless(head, piece) => {
                stream.write_all(&head)?;
                while stream.write_all(&piece).is_ok() {}
            }
        }
        stream.flush()
    }
}

/// Head and body of a request.
fn request(stream: &TcpStream) -> std::io::Result<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse()))
        .and_then(Result::ok)
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

fn response(status: &str, kind: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n{body}")
        .into_bytes()
}

/// The head of a stream, whose end is the connection's.
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn event(text: &str, finish: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": { "content": text }, "finish_reason": finish });
    format!("data: {}\n\n", json!({ "choices": [choice] }))
}

fn stream(pieces: &[&str]) -> Vec<u8> {
    let mut body = STREAM.to_owned() + &pieces.iter().map(|piece| event(piece, None)).collect::<String>();
    body += &event("", Some("stop"));
    body +=
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    body.into_bytes()
}

fn error(status: &str, more: &str) -> Act {
    Act::Send(response(status, "application/json", more, r#"{"error":{"message":"not now"}}"#))
}

fn endpoint_error(result: Result<Generation, LlmError>) -> EndpointError {
    match result {
        Err(LlmError::Endpoint(error)) => *error,
        other => panic!("found {other:?}"),
    }
}

#[test]
fn a_streamed_answer_comes_in_pieces_and_the_prompt_went_out_scrubbed() {
    let server = Server::new([Act::Send(stream(&["Good ", "mor", "ning."]))]);
    let mut pieces = Vec::new();
    let key = |settings| EndpointSettings { key: Some(ApiKey::new("secret-1")), ..settings };
    let answer = server
        .ask_with(key, &GenerateSettings::greedy(20), &mut |progress| {
            if let Progress::Text(text) = progress
                && !text.is_empty()
            {
                pieces.push(text.to_owned());
            }
            ControlFlow::Continue(())
        })
        .expect("answered");
    assert_eq!(pieces, ["Good ", "mor", "ning."]);
    assert_eq!((answer.text.as_str(), answer.finish), ("Good morning.", FinishReason::EndOfText));
    assert_eq!((answer.prompt_tokens, answer.generated_tokens), (11, 3));
    let [(head, body)] = &server.requests()[..] else { panic!("one request") };
    assert!(head.starts_with("POST /v1/chat/completions "), "{head}");
    assert!(head.contains("Bearer secret-1"), "{head}");
    assert_eq!(body["messages"][1]["content"], "What of [name]?");
    assert!(!body.to_string().contains("Doe"));
}

#[test]
fn an_answer_without_a_stream_is_taken_too() {
    let body = json!({
        "choices": [{ "message": { "content": "Yes." }, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 4, "completion_tokens": 2 },
    });
    let server = Server::new([Act::Send(response("200 OK", "application/json", "", &body.to_string()))]);
    let answer = server.ask().expect("answered");
    assert_eq!((answer.text.as_str(), answer.finish), ("Yes.", FinishReason::TokenLimit));
    assert_eq!((answer.prompt_tokens, answer.generated_tokens), (4, 2));
}

#[test]
fn failures_that_pass_are_asked_again_as_often_as_allowed() {
    let server = Server::new([
        error("500 Internal Server Error", ""),
        error("429 Too Many Requests", "retry-after: 0\r\n"),
        Act::Send(stream(&["Yes."])),
    ]);
    assert_eq!(server.ask().expect("the third time").text, "Yes.");
    assert_eq!(server.requests().len(), 3);

    let server = Server::new([(), (), ()].map(|()| error("503 Service Unavailable", "")));
    let found = endpoint_error(server.ask());
    assert!(
        matches!(&found, EndpointError::Status { status: 503, message, .. } if message == "not now"),
        "{found}"
    );
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_server_that_asks_for_more_time_than_there_is_gets_no_second_question() {
    let server = Server::new([error("429 Too Many Requests", "retry-after: 3600\r\n")]);
    let found = endpoint_error(server.ask());
    assert!(matches!(found, EndpointError::RateLimited { seconds: Some(3600), .. }), "{found}");
    assert!(found.to_string().contains("again in 3600 s"), "{found}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_is_asked_no_more_often_than_the_settings_say() {
    let server = Server::new([error("503 Service Unavailable", ""), error("503 Service Unavailable", "")]);
    let two = |settings| EndpointSettings { per_minute: 2, answer: Duration::from_secs(5), ..settings };
    // The third request would have to wait for a minute, and has five seconds.
    let found = server.ask_with(two, &GenerateSettings::greedy(20), &mut silent).expect_err("no time");
    assert!(matches!(found, LlmError::TimeLimit { .. }), "{found}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn failures_that_stay_are_not_asked_again() {
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found"] {
        let server = Server::new([error(status, "")]);
        let found = endpoint_error(server.ask());
        assert!(matches!(found, EndpointError::Status { .. }), "{found}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = Server::new([]);
    let location = format!("location: http://127.0.0.1:{}/v1/chat/completions\r\n", elsewhere.port);
    let server = Server::new([Act::Send(response("307 Temporary Redirect", "text/plain", &location, ""))]);
    let found = endpoint_error(server.ask());
    assert!(matches!(found, EndpointError::Status { status: 307, .. }), "{found}");
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_server_that_hangs_is_given_up_after_its_time() {
    let stall = |settings| EndpointSettings { stall: Duration::from_millis(80), retries: 1, ..settings };
    let server = Server::new([Act::Hang(Vec::new()), Act::Hang(Vec::new())]);
    let found = endpoint_error(server.ask_with(stall, &GenerateSettings::greedy(4), &mut silent));
    assert!(matches!(found, EndpointError::Silent { .. }), "{found}");
    assert_eq!(server.requests().len(), 2);

    // In the middle of an answer there is no second try: what was told cannot be taken back.
    let half = STREAM.to_owned() + &event("Good ", None);
    let server = Server::new([Act::Hang(half.into_bytes())]);
    let found = endpoint_error(server.ask_with(stall, &GenerateSettings::greedy(4), &mut silent));
    assert!(matches!(found, EndpointError::Silent { .. }), "{found}");

    let short = |settings| EndpointSettings { answer: Duration::from_millis(120), ..settings };
    let server = Server::new([Act::Hang(Vec::new())]);
    let found = server.ask_with(short, &GenerateSettings::greedy(4), &mut silent);
    assert!(matches!(found, Err(LlmError::TimeLimit { .. })), "{found:?}");
}

#[test]
fn a_caller_can_break_off_while_the_server_is_silent() {
    let server = Server::new([Act::Hang(Vec::new())]);
    let short = |settings| EndpointSettings { stall: Duration::from_millis(300), ..settings };
    let answer = server
        .ask_with(short, &GenerateSettings::greedy(4), &mut |_| ControlFlow::Break(()))
        .expect("no failure");
    assert_eq!((answer.text.as_str(), answer.finish), ("", FinishReason::Cancelled));
}

#[test]
fn a_cut_stream_is_an_error_and_one_that_said_why_it_ends_is_whole() {
    let cut = STREAM.to_owned() + &event("Good ", None);
    let server = Server::new([Act::Send(cut.into_bytes())]);
    assert!(matches!(endpoint_error(server.ask()), EndpointError::Cut { .. }));
    assert_eq!(server.requests().len(), 1);

    let whole = STREAM.to_owned() + &event("Good.", None) + &event("", Some("stop"));
    let server = Server::new([Act::Send(whole.into_bytes())]);
    assert_eq!(server.ask().expect("whole").text, "Good.");

    // Without a word it may be asked again.
    let server = Server::new([Act::Send(STREAM.into()), Act::Send(stream(&["Yes."]))]);
    assert_eq!(server.ask().expect("the second time").text, "Yes.");
}

#[test]
fn an_endless_stream_ends_at_the_limit_of_tokens_or_bytes() {
    let words = Act::Endless(STREAM.into(), event("again ", None).into_bytes());
    let server = Server::new([words]);
    let answer = server.ask().expect("cut off");
    assert_eq!(answer.finish, FinishReason::TokenLimit);
    assert!(answer.text.matches("again").count() <= 21, "{}", answer.text);

    let nothing = Act::Endless(STREAM.into(), b": nothing\n\n".to_vec());
    let server = Server::new([nothing]);
    let small = |settings| EndpointSettings { response_bytes: 100_000, ..settings };
    let found = endpoint_error(server.ask_with(small, &GenerateSettings::greedy(4), &mut silent));
    assert!(matches!(found, EndpointError::TooLarge { bytes: 100_000, .. }), "{found}");

    let huge = response("200 OK", "application/json", "", &"[".repeat(200_000));
    let server = Server::new([Act::Send(huge)]);
    let found = endpoint_error(server.ask_with(small, &GenerateSettings::greedy(4), &mut silent));
    assert!(matches!(found, EndpointError::TooLarge { .. }), "{found}");
}

#[test]
fn what_is_no_chat_is_refused() {
    for body in ["", "no JSON", "[]", "{}", r#"{"choices":[]}"#, r#"{"choices":[{"message":{"content":7}}]}"#]
    {
        let server = Server::new([Act::Send(response("200 OK", "application/json", "", body))]);
        let found = endpoint_error(server.ask());
        assert!(matches!(found, EndpointError::Answer { .. }), "{body}: {found}");
    }
    let spoiled = STREAM.to_owned() + &event("Good ", None) + "data: {\"choices\": [\n\n";
    let server = Server::new([Act::Send(spoiled.into_bytes())]);
    assert!(matches!(endpoint_error(server.ask()), EndpointError::Answer { .. }));
    let complaint = STREAM.to_owned() + "data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
    let server = Server::new([Act::Send(complaint.into_bytes())]);
    assert!(endpoint_error(server.ask()).to_string().contains("out of memory"));
}

#[test]
fn an_answer_off_its_schema_is_refused_with_the_place() {
    let settings = GenerateSettings {
        schema: Some(json!({
            "type": "object",
            "properties": { "color": { "enum": ["red", "blue"] } },
            "required": ["color"],
        })),
        ..GenerateSettings::greedy(20)
    };
    let ask = |text: &str| {
        let server = Server::new([Act::Send(stream(&[text]))]);
        let answer = server.ask_with(|settings| settings, &settings, &mut silent);
        let sent = server.requests().remove(0).1;
        assert_eq!(sent["response_format"]["type"], "json_schema");
        answer
    };
    assert_eq!(ask(r#"{"color":"red"}"#).expect("it fits").text, r#"{"color":"red"}"#);
    for (text, place) in [(r#"{"color":"green"}"#, "$.color"), ("rouge", "no JSON"), ("", "no JSON")] {
        match ask(text) {
            Err(LlmError::OffSchema { reason }) => assert!(reason.contains(place), "{reason}"),
            other => panic!("found {other:?}"),
        }
    }
}

#[test]
fn a_stop_text_holds_whatever_the_server_makes_of_it() {
    let server = Server::new([Act::Send(stream(&["one\n", "\ntwo"]))]);
    let settings = GenerateSettings { stop: vec!["\n\n".to_owned()], ..GenerateSettings::greedy(20) };
    let answer = server.ask_with(|settings| settings, &settings, &mut silent).expect("answered");
    assert_eq!((answer.text.as_str(), answer.finish), ("one", FinishReason::StopText));
}

#[test]
fn a_port_where_nobody_listens_is_said_and_the_secret_is_never_printed() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let host = format!("127.0.0.1:{port}");
    let address = Address::new(&format!("http://{host}/v1"), &[host]).expect("listed");
    let settings = EndpointSettings {
        key: Some(ApiKey::new("secret-1")),
        pause: Duration::from_millis(1),
        ..EndpointSettings::new(address, "small", Dialect::OpenAi)
    };
    let model = Endpoint::open(settings, Scrub::new(str::to_owned)).expect("settings are sound");
    assert!(!format!("{model:?}").contains("secret"));
    let found = model.generate(&ChatPrompt::ask("q"), &GenerateSettings::greedy(4), &mut silent);
    assert!(matches!(endpoint_error(found), EndpointError::Unreachable { .. }));
}

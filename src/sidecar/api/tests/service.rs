//! The service as a whole: its bounds, its end, what it says without a token, and what no log line says.

use super::*;

#[tokio::test]
async fn more_requests_than_the_limit_and_requests_that_take_too_long_get_503() {
    let service = Service::start_with(|config| config.limits.concurrent_requests_max = 1).await;
    service.set(Mood::Silent);
    let (address, head, body) = (service.app.address(), post("/v1/cases/search", "all", &[]), search(PERSONAL[0]));
    let mut busy = TcpStream::connect(address).unwrap();
    let request = format!("{head}\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    busy.write_all(request.as_bytes()).unwrap();
    let full = async {
        loop {
            let answer = service.get("/v1/submissions", "all").await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), full).await.unwrap();
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("service.overloaded")));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(service.get("/healthz", "all").await.status, 200);
    drop(busy);

    let service = Service::start_with(|config| config.limits.request_timeout_s = 0).await;
    service.set(Mood::Silent);
    let answer = service.ask(&head, &body).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("service.timeout")));
}

#[tokio::test]
async fn readiness_and_metrics_need_no_token_and_tell_of_no_person() {
    let service = Service::start().await;
    let path = service.submit("k", RECORD).await.header("location").unwrap().to_owned();
    service.until(&path, "archived").await;
    assert_eq!(service.ask("GET /readyz HTTP/1.1", "").await.status, 200);
    let metrics = service.ask("GET /metrics HTTP/1.1", "").await.body;
    for line in [
        "asiasilta_submissions{state=\"archived\"} 1",
        "asiasilta_sends_total{outcome=\"archived\"} 1",
        "asiasilta_accepted_total 1",
        "asiasilta_certificate_expiry_seconds{certificate=\"signing\"} 60",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    assert!(PERSONAL.iter().all(|personal| !metrics.contains(personal)));
}

#[tokio::test]
async fn after_shutdown_nothing_listens_and_the_store_is_free() {
    let service = Service::start().await;
    let address = service.app.address();
    service.submit("k", RECORD).await;
    assert!(service.stop_and_count_uses().await > 0);
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn production_refuses_to_start_on_placeholders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let text = crate::sidecar::config::tests::complete().replace("\"test\"", "\"production\"");
    std::fs::write(&path, text).unwrap();
    let config = Config::read(&path).unwrap();
    let parts = Parts {
        archive: FakeArchive(Arc::new(Mutex::new(Mood::Granting))),
        clock: StillClock,
        chance: Arc::new(SystemChance),
        checker: Arc::new(Checker::new(Arc::new(Registry::reduced()), config.environment)),
        pipeline: Arc::new(FakePipeline),
        certificates: Vec::new(),
        access: AccessProfile::default_profile().unwrap(),
        placeholders: vec!["some.placeholder".into()],
    };
    let error = start(&config, parts).await.err().unwrap();
    assert!(error.to_string().contains("some.placeholder"));
    assert!(!folder.path().join("s.db").exists());
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_carries_a_body_a_token_a_person_or_a_path() {
    // For the whole process: a line that any test causes is judged here too.
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let service = Service::start().await;
    let path = service.submit("140341-912E", RECORD).await.header("location").unwrap().to_owned();
    service.until(&path, "archived").await;
    service.submit("b", BROKEN).await;
    service.ask(&post("/v1/cases/search", "all", &[]), &search(PERSONAL[0])).await;
    service.get("/v1/140341-912E?name=Testihoitaja", "nobody").await;
    service.get("/v1/submissions/140341-912E", "all").await;
    service.app.shutdown().await.unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("accepted") && text.contains("sent") && text.contains("answered"), "{text}");
    for secret in PERSONAL.into_iter().chain(["token-of", "dosetista"]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_without_a_known_token_keep_nobody_out() {
    let service = Service::start_with(|config| config.limits.concurrent_requests_max = 2).await;
    let mut trickling = Vec::new();
    for authorization in ["", "Authorization: Bearer nobody\r\n"].repeat(20) {
        let mut stream = TcpStream::connect(service.app.address()).unwrap();
        let head = format!("POST /v1/submissions HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 1000\r\n\r\n{{");
        stream.write_all(head.as_bytes()).unwrap();
        // Refused without its body having come.
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 401");
        trickling.push(stream);
    }
    assert_eq!(service.submit("k", RECORD).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_share_one_room_and_what_does_not_fit_is_told_to_come_again() {
    let service = Service::start_with(|config| config.limits.bodies_bytes_max = 10 << 20).await;
    let large = " ".repeat((10 << 20) - 1);
    let head = post("/v1/validations", "all", &[]);
    let mut halves = Vec::new();
    let full = async {
        loop {
            // The half may come while the whole has its place and be told to come again itself: then another one is sent.
            let mut half = TcpStream::connect(service.app.address()).unwrap();
            let length = large.len();
            half.write_all(format!("{head}\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{").as_bytes()).unwrap();
            halves.push(half);
            let answer = service.ask(&head, RECORD).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), full).await.unwrap();
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("service.overloaded")));
    assert_eq!(service.get("/v1/submissions", "all").await.status, 200);
    drop(halves);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_not_hold_up_the_end() {
    let service = Service::start().await;
    let mut halves = Vec::new();
    for half in ["GET /v1/subm", "POST /v1/submissions HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = TcpStream::connect(service.app.address()).unwrap();
        stream.write_all(half.as_bytes()).unwrap();
        halves.push(stream);
    }
    // The connections have been taken before this one is answered.
    assert_eq!(service.get("/healthz", "all").await.status, 200);
    tokio::time::timeout(Duration::from_secs(5), service.app.shutdown()).await.unwrap().unwrap();
}

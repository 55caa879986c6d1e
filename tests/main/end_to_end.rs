//! The whole way over real sockets: the demo's stage, then the producer.
#![cfg(feature = "demo")]

use asiasilta::demo::Stage;

#[tokio::test]
async fn the_organiser_stores_its_documents_over_mutual_tls() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path()).await.unwrap();
    assert_eq!(stage.mock.ledger().archived_ids().len(), 9);
}

//! A new store key.

use super::*;

#[tokio::test]
async fn a_new_store_key_opens_what_was_sealed_before_and_the_old_one_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("s.db"), folder.path().join("backup"));
    let store = open(&path, 0);
    let first = accepted(&store, new("1", SECRET), 0).await;
    let new_key = StoreKey::from_bytes([8; 32]);
    assert!(matches!(rekey(&path, &key(), &new_key, at(1)), Err(StoreError::InUse { .. })));
    backup(&path, &key(), &to, at(1)).unwrap();
    drop(store);
    let in_file = |bytes: &[u8]| std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes);
    let db = Connection::open(&path).unwrap();
    let wrapped: Vec<u8> =
        db.query_row("SELECT value FROM meta WHERE name = 'data_key'", [], |row| row.get(0)).unwrap();
    drop(db);
    assert!(in_file(&wrapped));

    assert!(matches!(rekey(&path, &new_key, &key(), at(2)), Err(StoreError::WrongKey)));
    assert_eq!(rekey(&path, &key(), &new_key, at(2)).unwrap(), OldKey::OpensNothing);
    assert!(!in_file(&wrapped), "what the old key opens is gone");
    assert!(matches!(SqliteStore::open(&path, &key(), at(3)), Err(StoreError::WrongKey)));
    assert!(matches!(check(&path, &key()), Err(StoreError::WrongKey)));
    assert_eq!(check(&path, &new_key).unwrap().faults, Vec::<String>::new());
    let store = SqliteStore::open(&path, &new_key, at(3)).unwrap();
    assert!(matches!(store.accept(new("1", SECRET), at(3)).await.unwrap(), Accepted::Replay(s) if s.id == first.id));
    assert_eq!(store.claim(&actor(), 1, at(3)).await.unwrap()[0].payload, SECRET.as_bytes());
    assert_eq!(store.verify_use_log().await.unwrap(), 3, "accept, rekey, claim");

    // A backup opens with the key that it was made under.
    let back = folder.path().join("back.db");
    assert!(matches!(restore(&to, &back, &new_key, at(4)), Err(RestoreError::Store(StoreError::WrongKey))));
    restore(&to, &back, &key(), at(4)).unwrap();
}

#[tokio::test]
async fn a_new_store_key_is_in_force_also_where_what_the_old_one_opens_cannot_be_removed_yet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    accepted(&store, new("1", SECRET), 0).await;
    drop(store);
    // Somebody who looks into the database keeps its log from being emptied.
    let looking = Connection::open(&path).unwrap();
    looking.execute_batch("BEGIN; SELECT count(*) FROM submissions;").unwrap();
    let new_key = StoreKey::from_bytes([8; 32]);
    let old_key = data_key::rekey_waiting(&path, &key(), &new_key, Duration::ZERO, at(1)).unwrap();
    assert_eq!(old_key, OldKey::MayOpenUntilCheckpoint);
    looking.execute_batch("COMMIT").unwrap();
    drop(looking);
    assert!(matches!(SqliteStore::open(&path, &key(), at(2)), Err(StoreError::WrongKey)));
    let store = SqliteStore::open(&path, &new_key, at(2)).unwrap();
    assert_eq!(store.claim(&actor(), 1, at(2)).await.unwrap()[0].payload, SECRET.as_bytes());
}

#[test]
fn each_database_has_a_data_key_of_its_own_that_no_file_tells() {
    let folder = tempfile::tempdir().unwrap();
    let checks: Vec<Vec<u8>> = ["1.db", "2.db"]
        .map(|name| {
            let path = folder.path().join(name);
            drop(open(&path, 0));
            let db = Connection::open(&path).unwrap();
            db.query_row("SELECT value FROM meta WHERE name = 'key_check'", [], |row| row.get(0)).unwrap()
        })
        .into();
    assert_ne!(checks[0], checks[1]);
    assert_ne!(checks[0], Vault::new(&key()).unwrap().check_value());
}

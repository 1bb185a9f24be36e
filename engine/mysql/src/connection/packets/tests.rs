use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::*;

/// Packets, and the other end of their stream.
fn pair(bytes: usize) -> (Packets, DuplexStream) {
    let (ours, theirs) = duplex(bytes);
    (Packets::new(Box::new(ours)), theirs)
}

fn piece(number: u8, bytes: &[u8]) -> Vec<u8> {
    let [low, middle, high, ..] = bytes.len().to_le_bytes();
    [&[low, middle, high, number], bytes].concat()
}

#[tokio::test]
async fn a_packet_is_whole_whatever_pieces_of_it_come_at_a_time() {
    let (mut packets, mut server) = pair(1 << 20);
    let sent: Vec<Vec<u8>> = vec![vec![1], vec![], vec![3; 300], vec![4; 4]];
    let bytes: Vec<u8> =
        (0..).zip(&sent).flat_map(|(number, packet)| piece(number, packet)).collect();
    let mut come = Vec::new();

    for byte in bytes {
        assert!(!packets.advance(300).unwrap());
        server.write_all(&[byte]).await.unwrap();
        packets.wait().await.unwrap();
        if packets.advance(300).unwrap() {
            come.push(packets.packet().clone());
        }
    }

    assert_eq!(come, sent);
}

#[tokio::test]
async fn a_packet_of_sixteen_mebibytes_is_put_together() {
    for length in [PIECE_BYTES_MAX - 1, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1] {
        let (mut packets, mut server) = pair(1 << 20);
        let sent: Vec<u8> = (0..length).map(|place| place.to_le_bytes()[0] ^ 7).collect();
        let (first, second) = sent.split_at(length.min(PIECE_BYTES_MAX));
        let mut bytes = piece(0, first);
        if first.len() == PIECE_BYTES_MAX {
            bytes.extend(piece(1, second));
        }
        let sending = async { server.write_all(&bytes).await.unwrap() };

        let (come, ()) = tokio::join!(packets.read(1 << 25), sending);

        assert!(come.unwrap() == &sent, "{length} bytes");
    }
}

#[tokio::test]
async fn what_is_too_large_or_out_of_turn_or_cut_is_an_error() {
    for (bytes, bytes_max, said) in [
        (piece(0, &[0; 9]), 8, "larger"),
        (piece(0, &vec![0; PIECE_BYTES_MAX]), PIECE_BYTES_MAX - 1, "larger"),
        (piece(1, &[0; 9]), 9, "next"),
        (piece(0, &[0; 9])[..8].to_vec(), 9, "closed"),
        (vec![9, 0], 9, "closed"),
    ] {
        let (mut packets, mut server) = pair(1 << 25);
        server.write_all(&bytes).await.unwrap();
        drop(server);

        let error = packets.read(bytes_max).await.unwrap_err();

        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn packets_are_numbered_through_an_exchange() {
    let (mut packets, mut server) = pair(1 << 10);
    packets.begin(b"ask").await.unwrap();
    server.write_all(&piece(1, b"more?")).await.unwrap();
    packets.read(10).await.unwrap();
    packets.write(b"yes").await.unwrap();
    packets.begin(b"next").await.unwrap();
    drop(packets);

    let mut come = Vec::new();
    server.read_to_end(&mut come).await.unwrap();

    assert_eq!(come, [piece(0, b"ask"), piece(2, b"yes"), piece(0, b"next")].concat());
}

#[tokio::test]
async fn bytes_before_encryption_are_refused() {
    let (mut packets, mut server) = pair(1 << 10);
    server.write_all(&[piece(0, b"hello"), piece(1, b"OK")].concat()).await.unwrap();
    packets.read(10).await.unwrap();

    let wrapped = packets.wrapped(async |stream| Ok(stream)).await;

    assert_eq!(wrapped.err().unwrap().kind(), ErrorKind::InvalidData);
}

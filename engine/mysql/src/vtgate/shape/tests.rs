use super::*;

fn tablet(keyspace: &str, shard: &str, is_serving_primary: bool) -> Tablet {
    Tablet { keyspace: keyspace.to_owned(), shard: shard.to_owned(), is_serving_primary }
}

#[test]
fn shards_come_in_the_order_of_their_key_ranges_with_those_that_are_being_made_apart() {
    let names = ["shop/c0-", "shop/-4080", "main/0", "shop/80-c0", "shop/4080-80"];
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let tablets = [
        tablet("shop", "-4080", false),
        tablet("shop", "-4080", true),
        tablet("shop", "4080-80", true),
        tablet("shop", "80-c0", false),
        tablet("shop", "c0-", true),
        tablet("shop", "c0-e0", false),
        tablet("shop", "-", false),
        tablet("main", "0", true),
    ];

    let (shards, others) = shards("shop", &names, &tablets);

    let shards: Vec<(&str, bool)> =
        shards.iter().map(|shard| (shard.name.as_str(), shard.is_serving)).collect();
    assert_eq!(shards, [("-4080", true), ("4080-80", true), ("80-c0", false), ("c0-", true)]);
    assert_eq!(others, ["-", "c0-e0"]);
}

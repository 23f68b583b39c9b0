use ids::SiteId;

use super::*;
use crate::observe::{Device, Inventory};

fn defaults() -> Defaults {
    Defaults { conductor_hosts: vec!["192.0.2.1".parse().unwrap()], allow: AllowFormats::none() }
}

fn read(text: impl AsRef<[u8]>) -> Sheet {
    parse(text.as_ref(), &defaults())
}

fn faults(text: impl AsRef<[u8]>) -> Vec<String> {
    read(text).faults.iter().map(ToString::to_string).collect()
}

const HEADER: &str = "name,node,mac,asset_id,site,mode,conductor_hosts,ek";

fn names(sheet: &Sheet) -> Vec<&str> {
    sheet.rows.iter().map(|row| row.name.as_str()).collect()
}

#[test]
fn a_file_is_read_however_a_spreadsheet_wrote_it() {
    let rows = [
        "name,mac,asset_id,site",
        "store-1,02:00:5e:aa:00:01,A1,ATL-01",
        "",
        "# a comment",
        "store-2 , 02005eaa0002,A2,\"ATL, 02\"",
        ",,,",
    ];
    let comma = rows.join("\n");
    let semicolon = "name;mac;asset_id;site\nstore-1;02:00:5e:aa:00:01;A1;ATL-01\n;;;\nstore-2;02005eaa0002;A2;\"ATL, 02\"\n";
    let tab = "name\tmac\tasset_id\tsite\nstore-1\t02:00:5e:aa:00:01\tA1\tATL-01\nstore-2\t02005eaa0002\tA2\tATL, 02";
    for text in [
        comma.clone(),
        comma.replace('\n', "\r\n"),
        comma.replace('\n', "\r"),
        format!("\u{feff}{comma}"),
        semicolon.to_owned(),
        format!("\u{feff}{}", semicolon.replace('\n', "\r\n")),
        tab.to_owned(),
        format!("# from the template\n\n{comma}"),
        comma.replace("name,mac,asset_id,site", " Name ,\"MAC\",Asset-ID,SITE"),
    ] {
        let sheet = read(&text);

        assert_eq!(sheet.faults, [], "{text}");
        assert_eq!(names(&sheet), ["store-1", "store-2"], "{text}");
        assert_eq!(&*sheet.rows[1].site, "ATL, 02");
        assert_eq!(sheet.rows[0].mode, Mode::Strong);
        assert_eq!(sheet.rows[0].conductor_hosts, defaults().conductor_hosts);
    }
}

#[test]
fn every_fault_is_told_with_its_line_and_column() {
    let text = format!(
        "{HEADER}\n\
         store-1,node0,2.00E+05,A1,ATL-01,strong,,\n\
         -x,,20000000001,A__1,,stong,300.1.1.1,MIIB\n\
         store-3,,02005eaa0003,A3,ATL-01,disabled,192.0.2.1 192.0.2.1,,more\n\
         ,,,A4,ATL-01,,,\n"
    );

    let told = faults(text);

    let places: Vec<&str> = told.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        ["2:3", "3:1", "3:3", "3:4", "3:5", "3:6", "3:7", "3:8", "4:6", "4:7", "4:9", "5:1", "5:3"]
    );
    assert!(told[0].contains("a spreadsheet turned it into a number"), "{}", told[0]);
    assert!(told[2].contains("did you mean `020000000001`?"), "{}", told[2]);
    assert!(told[5].ends_with("did you mean `strong`?"), "{}", told[5]);
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let text = "# a comment\n\nname,mac,site\n\n# another\n#\nstore-1,02005eaa0001,\"A\nB\"\n \nstore-2,02005eaa0002,x\n,x,\n";
    for text in
        [text.to_owned(), text.replace('\n', "\r\n"), text.replace('\n', "\r"), text.replacen('\n', "\r", 2)]
    {
        let sheet = read(&text);

        let lines: Vec<u64> = sheet.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [7, 10], "{text:?}");
        assert!(sheet.faults[0].to_string().starts_with("11:1: "), "{text:?}: {:?}", sheet.faults);
    }
}

#[test]
fn a_header_that_is_not_right_is_told_with_the_nearest() {
    assert_eq!(
        faults("name,mac,sites,conductor_host\na,02005eaa0001,x,y\n")[..2],
        [
            "1: there is no column `site`".to_owned(),
            "1:3: there is no column `sites`; did you mean `site`?".to_owned(),
        ]
    );
    assert!(faults("name,mac,site,name\n")[0].starts_with("1:4: the column `name` is there twice"));
    assert_eq!(faults("name,site\n"), ["1: there is no column `mac`"]);
    assert_eq!(faults(""), ["the file has no header; `fogpilot template` writes one"]);
    assert_eq!(faults("name,mac,site\n"), ["the file has no rows below its header"]);
    assert_eq!(faults([0xff, 0xfe, b'n', 0]), ["the file is UTF-16; save it as \"CSV UTF-8\""]);
    assert_eq!(
        faults(b"name,mac,site\na,02005eaa0001,Z\xfcrich\n"),
        ["2:3: this is no UTF-8; save the file as \"CSV UTF-8\""]
    );
}

#[test]
fn five_thousand_rows_are_read_and_the_last_fault_is_told() {
    let mut text = format!("{HEADER}\n");
    for row in 0..5_000_u32 {
        text += &format!("store-{row},,02005e{row:06x},A{row},ATL-{row:04},,,\n");
    }
    let sheet = read(&text);
    assert_eq!((sheet.rows.len(), sheet.faults.len()), (5_000, 0));
    assert_eq!(sheet.rows[4_999].line, 5_001);

    let told = faults(text.replace("store-4999", "store 4999"));

    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("5001:1: router `store 4999`"), "{}", told[0]);
}

#[test]
fn a_file_without_end_is_not_read() {
    let many = format!("name,mac,site\n{}", "a,02005eaa0001,x\n".repeat(MAX_ROWS + 1));
    assert!(faults(many)[0].contains("the rest is not read"));
    assert_eq!(faults(vec![b'\n'; MAX_BYTES + 1]), ["the file is larger than 16 MiB; split it"]);
}

fn site(number: u8) -> SiteId {
    format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().unwrap()
}

fn device(mac: &str, serial: &str, name: &str) -> Device {
    Device {
        mac: mac.parse().unwrap(),
        serial: Some(serial.into()),
        model: Some("VSSR".into()),
        name: Some(name.into()),
        site: None,
        connected: Some(true),
        modified: None,
    }
}

fn resolve(rows: &str) -> Result<Vec<RouterRequest>, Vec<String>> {
    let inventory: Inventory = [
        device("02005eaa0001", "S1", "router-1"),
        device("02005eaa0002", "S2", "router-2"),
        device("02005eaa0003", "S3", "twin"),
        device("02005eaa0004", "S4", "twin"),
    ]
    .into_iter()
    .collect();
    let sites = [
        (site(1), "ATL-01".into()),
        (site(2), "0042".into()),
        (site(3), "twice".into()),
        (site(4), "twice".into()),
    ];
    let text = format!("name,node,mac,device,asset_id,site,mode,conductor_hosts\n{rows}");
    let names = Names { sites: &sites, inventory: &inventory };
    read(text).resolve(&names).map_err(|Faults(faults)| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn sites_and_devices_are_found_by_name_serial_number_and_id() {
    let rows = format!(
        "a,,02:00:5e:aa:00:01,,A1,ATL-01,,\nb,,,S2,A2,0042,,\nc,,,02-00-5e-aa-00-03,A3,{},,\n",
        site(4)
    );

    let routers = resolve(&rows).unwrap();

    let found: Vec<_> =
        routers.iter().map(|router| (router.name.as_str(), router.site, router.nodes[0].mac)).collect();
    assert_eq!(
        found,
        [
            ("a", site(1), "02005eaa0001".parse().unwrap()),
            ("b", site(2), "02005eaa0002".parse().unwrap()),
            ("c", site(4), "02005eaa0003".parse().unwrap()),
        ]
    );
    assert_eq!(routers[0].nodes[0].node.as_str(), "node0");
}

#[test]
fn a_name_that_is_not_exact_is_told_with_what_may_be_meant() {
    for (row, expect) in [
        ("a,,02005eaa0001,,A1,ATL-1,,", "2: there is no site `ATL-1`; did you mean `ATL-01`?".to_owned()),
        ("a,,02005eaa0001,,A1,atl-01,,", "2: there is no site `atl-01`; did you mean `ATL-01`?".to_owned()),
        ("a,,02005eaa0001,,A1,42,,", "2: there is no site `42`; did you mean `0042`?".to_owned()),
        (
            "a,,02005eaa0001,,A1,twice,,",
            format!("2: several sites are named `twice`; give the id of one: {} {}", site(3), site(4)),
        ),
        (
            "a,,,router-9,A1,ATL-01,,",
            "2: there is no router with the serial number or name `router-9` in the inventory; claim or adopt it first".to_owned(),
        ),
        (
            "a,,,twin,A1,ATL-01,,",
            "2: several routers are named `twin`; give the MAC of one: 02005eaa0003 02005eaa0004".to_owned(),
        ),
        (
            "a,,02005eaa0009,,A1,ATL-01,,",
            "2: there is no router 02005eaa0009 in the organisation's inventory; claim or adopt it first".to_owned(),
        ),
    ] {
        assert_eq!(resolve(row).unwrap_err(), [expect], "{row}");
    }
}

#[test]
fn two_rows_of_one_name_are_a_pair_that_agrees() {
    let routers = resolve(
        "a,node1,02005eaa0002,,A2,ATL-01,,\nb,,02005eaa0003,,A3,0042,,\na,node0,02005eaa0001,,A1,ATL-01,,\n",
    )
    .unwrap();
    let nodes: Vec<&str> = routers[0].nodes.iter().map(|node| node.node.as_str()).collect();
    assert_eq!((routers.len(), nodes), (2, vec!["node0", "node1"]));

    for (rows, expect) in [
        (
            "a,node0,02005eaa0001,,A1,ATL-01,,\na,node0,02005eaa0002,,A2,ATL-01,,",
            "3: the node `node0` of `a` comes twice",
        ),
        ("a,node0,02005eaa0001,,A1,ATL-01,,\na,,02005eaa0002,,A2,ATL-01,,", "3: `a` has several rows"),
        (
            "a,node0,02005eaa0001,,A1,ATL-01,,\na,node1,02005eaa0002,,A2,0042,,",
            "3: the site of `a` is another",
        ),
        (
            "a,node0,02005eaa0001,,A1,ATL-01,,\na,node1,02005eaa0002,,A2,ATL-01,weak,",
            "3: the mode of `a` is another",
        ),
        (
            "a,node0,02005eaa0001,,A1,ATL-01,,\na,node1,02005eaa0002,,A2,ATL-01,,\na,node2,02005eaa0003,,A3,ATL-01,,",
            "4: `a` has more than two rows",
        ),
        (
            "a,,02005eaa0001,,A1,ATL-01,,\nb,,02005eaa0001,,A2,ATL-01,,",
            "3: the device 02005eaa0001 is in line 2",
        ),
        ("a,,02005eaa0001,,A1,ATL-01,,\nb,,02005eaa0002,,A1,ATL-01,,", "3: the asset id `A1` is in line 2"),
        (
            "a,,02005eaa0001,,A1,ATL-01,,192.0.2.1\nb,,02005eaa0002,,A2,ATL-01,,192.0.2.9",
            "3: the conductor_hosts of `b` are others than those of `a`",
        ),
    ] {
        let told = resolve(rows).unwrap_err();
        assert!(told.len() == 1 && told[0].starts_with(expect), "{rows}: {told:?}");
    }
}

#[test]
fn what_the_file_and_what_the_names_have_wrong_is_told_together() {
    let told = resolve("a b,,02005eaa0001,,A1,ATL-01,,\nb,,02005eaa0002,,A2,ATL-99,,\n").unwrap_err();

    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("2:1:") && told[1].starts_with("3: there is no site"), "{told:?}");
}

#[test]
fn what_rows_contradict_each_other_in_is_told_without_asking_for_names() {
    let judge = |rows: &str| {
        let text = format!("name,node,mac,device,asset_id,site,conductor_hosts\n{rows}");
        let judged = parse(text.as_bytes(), &defaults()).judge();
        judged.map_err(|Faults(faults)| faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    };

    assert_eq!(judge("a,node0,02005eaa0001,,A1,ATL,\na,node1,,serial-2,A2,ATL,\n"), Ok(()));
    let faults = judge("a,,02005eaa0001,,A1,ATL,\nb,,02005eaa0001,,A1,ATL,\na,,2.00E+05,,A3,ATL,\n");
    let faults = faults.unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].starts_with("3: the device 02005eaa0001 is in line 2 already"), "{faults:?}");
    assert!(faults[1].starts_with("3: the asset id `A1` is in line 2 already"), "{faults:?}");
    assert!(faults[2].starts_with("4:3: `2.00E+05` is not a MAC"), "{faults:?}");
    let pair = judge("a,node0,02005eaa0001,,A1,ATL,\na,node0,02005eaa0002,,A2,DFW,\n").unwrap_err();
    assert_eq!(pair.len(), 2, "{pair:?}");
}

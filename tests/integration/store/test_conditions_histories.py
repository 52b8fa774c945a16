        ({"topic": "unknown", "is": "unsubscribed"}, True),
        ({"segment": "vips"}, True),
        ({"segment": "quiet"}, True),
        ({"not": {"segment": "quiet"}}, False),
    ]
    assert await situation.disagreements(table, segments=segments) == []

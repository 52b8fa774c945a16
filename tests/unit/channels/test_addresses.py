"""What addresses of people are kept, and what is said of the others."""

import pytest

from journeys.model.addresses import check_email, normalise_phone


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("+33612345678", "+33612345678"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("+33.6.12-34-56.78", "+33612345678"),
        ("+33\u00a06\u202f12 34 56 78", "+33612345678"),
        ("+1 202-555-0100", "+12025550100"),
        (" +44 20 7946 0958 ", "+442079460958"),
    ],
)
def test_spaces_dots_and_hyphens_of_a_phone_number_are_removed(written: str, kept: str) -> None:
    assert normalise_phone(written) == kept


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("06 12 34 56 78", "country's code"),
        ("612345678", "country's code"),
        ("0033612345678", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "parentheses"),
        ("+331", "too few digits"),
        ("+3361234567890", "too many digits"),
        ("+1234567890123456", "at most 15 digits"),
        ("+999 123 456 789", "no country's code"),
        ("+0 612345678", "E.164"),
        ("+33 six", "E.164"),
        ("", "E.164"),
    ],
)
def test_a_number_that_is_not_e164_is_refused_with_what_would_be_right(
    written: str, said: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is what is tested
        normalise_phone(written)
    assert said in str(refused.value)
    assert repr(written) in str(refused.value)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann.Lee+x@EXAMPLE.com ", "Ann.Lee+x@example.com"),
        ("zoe\u0308@b\u00fccher.example", "zo\u00eb@b\u00fccher.example"),
        ("trial@shop.test", "trial@shop.test"),
        ("forgotten-1@shop.invalid", "forgotten-1@shop.invalid"),
    ],
)
def test_an_address_is_kept_in_its_normal_form(written: str, kept: str) -> None:
    assert check_email(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@localhost",
        "ann@example..com",
        "ann lee@example.com",
        "Ann <ann@example.com>",
        "ann@example.com, bob@example.com",
        "ann@example.com\r\nBcc: bob@example.com",
        "ann@[127.0.0.1]",
        f"ann@{'a.' * 130}example.com",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        check_email(written)

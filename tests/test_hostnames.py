"""Host names and patterns, held to RFC 1123/1035 and to brute force."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from netprobe.errors import InvalidHostnameError
from netprobe.hostnames import MAX_LABEL, MAX_NAME, Hostname, HostPattern

LDH = "abcdefghijklmnopqrstuvwxyz0123456789-"
# Two letters and a hyphen: collisions, prefixes and suffixes then come up all the time.
FEW = "ab-"


def valid_label(text: str) -> bool:
    """RFC 1123 section 2.1 and RFC 1035 section 2.3.4, written a second time, plainly."""
    return (
        0 < len(text) <= 63
        and set(text) <= set(LDH)
        and not text.startswith("-")
        and not text.endswith("-")
        and not text.startswith("xn--")
    )


labels = st.text(FEW, min_size=1, max_size=4).filter(valid_label)
glob_labels = st.one_of(
    labels,
    st.tuples(st.text(FEW, max_size=2), st.text(FEW, max_size=2))
    .map("*".join)
    .filter(lambda t: not t.startswith("-") and not t.endswith("-")),
)
hosts = st.tuples(st.lists(labels, min_size=1, max_size=3), st.just(["ab", "aa"])).map(
    lambda t: Hostname.parse(".".join(t[0] + t[1]))
)
patterns = st.tuples(st.lists(glob_labels, min_size=1, max_size=3), st.just(["ab", "aa"])).map(
    lambda t: HostPattern.parse(".".join(t[0] + t[1]))
)


def brute_force_matches(pattern: str, name: str) -> bool:
    """The definition: equal label counts; the asterisk is one or more characters of its own label."""
    ours, theirs = pattern.split("."), name.split(".")
    if len(ours) != len(theirs):
        return False
    for mine, other in zip(ours, theirs, strict=True):
        if "*" not in mine:
            if mine != other:
                return False
            continue
        before, after = mine.split("*")
        filled = len(other) - len(before) - len(after)
        if filled < 1 or before + other[len(before) : len(before) + filled] + after != other:
            return False
    return True


class TestParse:
    @pytest.mark.parametrize(
        ("text", "canonical"),
        [
            ("ecs.us-east-2.amazonaws.com", "ecs.us-east-2.amazonaws.com"),
            ("ECS.US-East-2.AmazonAWS.com", "ecs.us-east-2.amazonaws.com"),
            ("ecs.us-east-2.amazonaws.com.", "ecs.us-east-2.amazonaws.com"),
            ("1.a", "1.a"),
            ("3com.com", "3com.com"),
            ("a--b.com", "a--b.com"),
            (f"{'a' * 63}.com", f"{'a' * 63}.com"),
            (".".join(["a" * 49] * 5) + ".aaa", ".".join(["a" * 49] * 5) + ".aaa"),  # 253 characters
        ],
    )
    def test_takes_names_and_makes_them_canonical(self, text: str, canonical: str) -> None:
        assert Hostname.parse(text).name == canonical
        assert HostPattern.parse(text).pattern == canonical

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "empty"),
            (".", "empty"),
            ("..", "empty"),
            (".a.com", "empty"),
            ("a..com", "empty"),
            ("a.com..", "empty"),
            ("localhost", "single label"),
            ("localhost.", "single label"),
            ("-a.com", "hyphen"),
            ("a-.com", "hyphen"),
            ("a_b.com", "letters, digits and hyphens"),
            ("a b.com", "letters, digits and hyphens"),
            (" a.com", "letters, digits and hyphens"),
            ("a.com\n", "letters, digits and hyphens"),
            ("a.com\x00", "letters, digits and hyphens"),
            ("a.com\x1b[31m", "letters, digits and hyphens"),
            ("a/b.com", "letters, digits and hyphens"),
            ("a.com:443", "letters, digits and hyphens"),
            ("https://a.com", "letters, digits and hyphens"),
            (f"{'a' * 64}.com", "at most 63"),
            (".".join(["a" * 49] * 5) + ".aaaa", "at most 253"),
            ("münchen.de", "internationalised"),
            ("\u0430mazonaws.com", "internationalised"),  # CYRILLIC SMALL LETTER A
            ("xn--mnchen-3ya.de", "internationalised"),
            ("XN--mnchen-3ya.de", "internationalised"),
            ("a.xn--p1ai", "internationalised"),
            ("\uff45cs.com", "internationalised"),  # FULLWIDTH LATIN SMALL LETTER E
            ("\u212a.com", "internationalised"),  # KELVIN SIGN lower-cases to an ASCII k
            ("127.0.0.1", "address"),
            ("1.2", "address"),
            ("a.1", "address"),
            ("[::1]", "letters, digits and hyphens"),
        ],
    )
    def test_refuses_with_the_rule_that_is_broken(self, text: str, reason: str) -> None:
        for kind in (Hostname, HostPattern):
            with pytest.raises(InvalidHostnameError, match=reason) as caught:
                kind.parse(text)
            assert caught.value.remedy
            assert "\x1b" not in str(caught.value)
            assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("a.**.b.com", "one asterisk"),
            ("a*b*c.x.com", "one asterisk"),
            ("*.com", "last two labels"),
            ("*.*", "last two labels"),
            ("a.b.*", "last two labels"),
            ("a.b.c*m", "last two labels"),
            ("a.amazon*.com", "last two labels"),
            ("*", "single label"),
            ("-*.a.com", "hyphen"),
            ("*-.a.com", "hyphen"),
        ],
    )
    def test_refuses_patterns_that_are_none(self, text: str, reason: str) -> None:
        with pytest.raises(InvalidHostnameError, match=reason):
            HostPattern.parse(text)

    def test_a_host_has_no_asterisk(self) -> None:
        with pytest.raises(InvalidHostnameError, match="one host is needed"):
            Hostname.parse("*.a.com")

    def test_a_label_with_an_asterisk_may_end_in_it_next_to_a_hyphen(self) -> None:
        assert HostPattern.parse("ecs-a-*.us-east-2.amazonaws.com").pattern == "ecs-a-*.us-east-2.amazonaws.com"
        assert HostPattern.parse("*-x.us-east-2.amazonaws.com").pattern == "*-x.us-east-2.amazonaws.com"

    @given(st.text(max_size=300))
    @example("a." * 127)
    @example("*." * 10 + "a.b")
    @settings(max_examples=300)
    def test_anything_at_all_is_parsed_or_refused_in_one_printable_line(self, text: str) -> None:
        refusal = ""
        try:
            parsed = HostPattern.parse(text)
        except InvalidHostnameError as error:
            refusal = str(error)
        if refusal:
            assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in refusal)
            return
        assert HostPattern.parse(parsed.pattern) == parsed
        assert parsed.pattern == text.lower().removesuffix(".")
        assert len(parsed.pattern) <= MAX_NAME
        assert all(0 < len(label) <= MAX_LABEL for label in parsed.labels)

    @given(st.lists(st.text(LDH, min_size=1, max_size=70), min_size=1, max_size=6))
    @settings(max_examples=300)
    def test_accepts_exactly_what_the_rfcs_accept(self, parts: list[str]) -> None:
        name = ".".join(parts)
        expected = all(map(valid_label, parts)) and len(parts) >= 2 and len(name) <= 253 and not parts[-1].isdigit()
        try:
            assert Hostname.parse(name).name == name
            accepted = True
        except InvalidHostnameError:
            accepted = False
        assert accepted == expected

    @given(hosts, st.data())
    @settings(max_examples=100)
    def test_case_and_a_trailing_dot_change_nothing(self, host: Hostname, data: st.DataObject) -> None:
        upper = data.draw(st.lists(st.booleans(), min_size=len(host.name), max_size=len(host.name)))
        shouted = "".join(c.upper() if up else c for c, up in zip(host.name, upper, strict=True))
        assert Hostname.parse(shouted) == host
        assert Hostname.parse(f"{shouted}.") == host


class TestMatches:
    @pytest.mark.parametrize(
        ("name", "matches"),
        [
            ("ecs-a-7.us-east-2.amazonaws.com", True),
            ("ecs-a-16.us-east-2.amazonaws.com", True),
            ("ECS-A-7.us-east-2.amazonaws.com.", True),
            ("ecs-a-x-y.us-east-2.amazonaws.com", True),
            ("ecs-a.us-east-2.amazonaws.com", False),
            ("ecs-b-7.us-east-2.amazonaws.com", False),
            ("ecs-a-7.us-east-1.amazonaws.com", False),
            ("ecs-a-7.x.us-east-2.amazonaws.com", False),
            ("x.ecs-a-7.us-east-2.amazonaws.com", False),
            ("ecs-a-7.us-east-2.amazonaws.com.evil.example", False),
            ("ecs-a-7.us-east-2.amazonaws.comx", False),
            ("ecs-a-7xus-east-2.amazonaws.com", False),
            ("xecs-a-7.us-east-2.amazonaws.com", False),
        ],
    )
    def test_an_asterisk_is_one_or_more_characters_of_one_label(self, name: str, matches: bool) -> None:
        assert HostPattern.parse("ecs-a-*.us-east-2.amazonaws.com").matches(Hostname.parse(name)) is matches

    @given(patterns, hosts)
    @settings(max_examples=400)
    def test_equals_the_definition(self, pattern: HostPattern, host: Hostname) -> None:
        assert pattern.matches(host) == brute_force_matches(pattern.pattern, host.name)

    @given(patterns, hosts)
    @settings(max_examples=200)
    def test_the_regular_expression_means_the_same(self, pattern: HostPattern, host: Hostname) -> None:
        assert bool(re.fullmatch(pattern.regex(), host.name)) == pattern.matches(host)
        assert bool(re.fullmatch(pattern.regex("[a-z0-9-]+"), host.name)) == pattern.matches(host)

    @given(patterns)
    @settings(max_examples=100)
    def test_a_filled_pattern_matches(self, pattern: HostPattern) -> None:
        assert pattern.matches(Hostname.parse(pattern.pattern.replace("*", "7")))


class TestCovers:
    @given(patterns, patterns, hosts)
    @settings(max_examples=500)
    @example(HostPattern.parse("a*.ab.aa"), HostPattern.parse("*a.ab.aa"), Hostname.parse("aa.ab.aa"))
    @example(HostPattern.parse("a*a.ab.aa"), HostPattern.parse("a*.ab.aa"), Hostname.parse("ab.ab.aa"))
    def test_a_cover_matches_whatever_the_other_matches(
        self, big: HostPattern, small: HostPattern, host: Hostname
    ) -> None:
        if big.covers(small) and small.matches(host):
            assert big.matches(host)

    @given(patterns, patterns)
    @settings(max_examples=500)
    def test_what_is_not_covered_has_a_witness(self, big: HostPattern, small: HostPattern) -> None:
        assume(not big.covers(small))
        # A letter that occurs in no pattern, once and several times over: if big matched all of these, it would cover.
        witnesses = [Hostname.parse(small.pattern.replace("*", fill)) for fill in ("z", "zz", "zzzzzzzz")]
        assert all(small.matches(host) for host in witnesses)
        assert not all(big.matches(host) for host in witnesses)

    @given(patterns, patterns, patterns)
    @settings(max_examples=300)
    def test_is_an_order(self, one: HostPattern, two: HostPattern, three: HostPattern) -> None:
        assert one.covers(one)
        if one.covers(two) and two.covers(one):
            assert one == two
        if one.covers(two) and two.covers(three):
            assert one.covers(three)

    @given(patterns, hosts)
    @settings(max_examples=300)
    def test_covers_an_exact_name_if_and_only_if_it_matches(self, pattern: HostPattern, host: Hostname) -> None:
        assert pattern.covers(HostPattern.parse(host.name)) == pattern.matches(host)

    @pytest.mark.parametrize("other", ["ecs-a-1.r.aws.com.evil.example", "x.ecs-a-1.r.aws.com", "r.aws.com", "a.b"])
    def test_another_number_of_labels_is_never_covered(self, other: str) -> None:
        for text in ("ecs-a-*.r.aws.com", "ecs-a-1.r.aws.com", "*.r.aws.com", "*.*.aws.com"):
            assert not HostPattern.parse(text).covers(HostPattern.parse(other))

    def test_the_numbered_pattern_does_not_cover_the_bare_name(self) -> None:
        numbered = HostPattern.parse("ecs-a-*.us-east-2.amazonaws.com")
        assert not numbered.covers(HostPattern.parse("ecs-a.us-east-2.amazonaws.com"))
        assert numbered.covers(HostPattern.parse("ecs-a-1.us-east-2.amazonaws.com"))
        assert HostPattern.parse("*.us-east-2.amazonaws.com").covers(numbered)
        assert not numbered.covers(HostPattern.parse("*.us-east-2.amazonaws.com"))


class TestKinds:
    @pytest.mark.parametrize(
        ("text", "exact", "leading", "parent"),
        [
            ("ecs.r.aws.com", True, False, "r.aws.com"),
            ("*.dkr.ecr.r.aws.com", False, True, "dkr.ecr.r.aws.com"),
            ("ecs-a-*.r.aws.com", False, False, "r.aws.com"),
            ("a.*.r.aws.com", False, False, "r.aws.com"),
            ("*.ecs-a-*.r.aws.com", False, False, "r.aws.com"),
        ],
    )
    def test_kinds(self, text: str, exact: bool, leading: bool, parent: str) -> None:
        pattern = HostPattern.parse(text)
        assert pattern.is_exact is exact
        assert pattern.is_leading_wildcard is leading
        assert pattern.parent == parent
        if exact:
            assert pattern.host() == Hostname.parse(text)
        else:
            with pytest.raises(InvalidHostnameError):
                pattern.host()

    @given(patterns, st.lists(st.integers(0, 10**6), max_size=5))
    @settings(max_examples=150)
    def test_every_numbered_name_matches_in_the_order_given(self, pattern: HostPattern, numbers: list[int]) -> None:
        if pattern.pattern.count("*") != 1:
            with pytest.raises(InvalidHostnameError):
                list(pattern.enumerate(numbers))
            return
        names = list(pattern.enumerate(numbers))
        assert [name.name for name in names] == [pattern.pattern.replace("*", str(n)) for n in numbers]
        assert all(pattern.matches(name) for name in names)

    def test_a_number_that_makes_a_label_too_long_is_refused(self) -> None:
        pattern = HostPattern.parse(f"{'a' * 60}*.r.aws.com")
        assert len(list(pattern.enumerate([999]))) == 1
        with pytest.raises(InvalidHostnameError, match="at most 63"):
            list(pattern.enumerate([1000]))

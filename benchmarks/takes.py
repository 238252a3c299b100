"""Many takes that nobody generated: the same rows for every store that is measured."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from apom.store import Store

FIRST = datetime(2026, 8, 1, 8, tzinfo=UTC)
APART = timedelta(seconds=75)  # three months for 100,000
FAVORITE = 10  # every tenth take is one
METADATA_BYTES = 8000
PAGES = 64  # of filler, so that the rows differ as those of one production do
AT_ONCE = 2000
PHRASE = "old lighthouse keeper"
COMMON, RARE = "storm", "zeppelin"
WORDS = """amber anchor ashen ballast balcony beacon birch bridge bright broken bronze cabin candle canvas cathedral cliff
close cloud cobbled copper coral crimson crowd curtain deck desert distant dock drifting dusk ember empty engine evening
fading ferry field flare foggy forest fountain frost gallery garden gentle glass golden granite grass grey harbour haze
heavy hillside horizon icy island ivory jetty kitchen lamp lantern lens low marble market meadow mirror misty moon moss
mountain narrow neon night northern oak ocean olive orange orchard pale path pier pine plain portrait quiet railway rain
rear ridge rim river road roof rusty sailor sand scarf shadow shallow shore silent silver slow smoke snow soft spring
station steel steep stone street summer sunlit tall terrace tide timber tower track tunnel valley velvet village violet
wall warm water wave west wharf wheel white wide window winter wooden yellow young""".split()
ASSETS = """insert into asset (id, project_id, box_id, number, asset_type, source_type, status, is_favorite, rating, ai_model,
    seed, file_key, thumb_key, placeholder, mime, bytes, width, height, created_by, created_at, updated_at)
    select v.id, $1, v.box_id, v.number, 'IMAGE', 'GENERATED', 'COMPLETED', v.is_favorite, v.rating, 'sandbox/sandbox-image',
    v.seed, v.file_key, v.thumb_key, v.placeholder, 'image/png', 1048576, 1280, 720, $2, v.created_at, v.created_at
    from (select unnest($3::uuid[]) as id, unnest($4::uuid[]) as box_id, unnest($5::integer[]) as number,
     unnest($6::boolean[]) as is_favorite, unnest($7::integer[]) as rating, unnest($8::bigint[]) as seed,
     unnest($9::text[]) as file_key, unnest($10::text[]) as thumb_key, unnest($11::text[]) as placeholder,
     unnest($12::timestamptz[]) as created_at) v"""
RECIPES = """insert into asset_recipe (asset_id, prompt_text, generation_config, tags, rights)
    select v.id, v.prompt, v.config::json, '[]', '{}'
    from (select unnest($1::uuid[]) as id, unnest($2::text[]) as prompt, unnest($3::text[]) as config) v"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A take: what a list shows of it, its prompt, and the metadata it was made with, as JSON."""

    id: UUID
    box_id: UUID
    number: int
    is_favorite: bool
    rating: int
    seed: int
    prompt: str
    metadata: str
    created_at: datetime

    @property
    def thumb_key(self) -> str:
        """Where its thumbnail would be."""
        return f"dev/a/{self.id}/thumb-{self.id.hex[:12]}.webp"

    @property
    def file_key(self) -> str:
        """Where its picture would be."""
        return f"dev/a/{self.id}/original-{self.id.hex[:12]}.png"

    @property
    def placeholder(self) -> str:
        """As long as those of real pictures."""
        return "data:image/webp;base64," + self.id.hex * 4


@dataclass(frozen=True, kw_only=True)
class Production:
    """Who works on what: what every store is told. `count` takes, `large` of them in the last box."""

    project_id: UUID
    user_id: UUID
    boxes: Sequence[UUID]
    count: int
    large: int

    @property
    def favorites(self) -> int:
        """How many takes are one."""
        return -(-self.count // FAVORITE)

    def rows(self) -> Iterator[Row]:
        """The takes, the oldest first, as they come when people work on everything at once: the same each time."""
        chance = random.Random(11)
        pages = [_filler(chance) for _ in range(PAGES)]
        *others, last = self.boxes
        homes = [others[i % len(others)] for i in range(self.count - self.large)] + [last] * self.large
        chance.shuffle(homes)
        numbers: Counter[UUID] = Counter()
        for i, box_id in enumerate(homes):
            numbers[box_id] += 1
            prompt, seed = _prompt(chance, i), chance.randrange(2**31)
            yield Row(
                id=UUID(int=chance.getrandbits(128), version=4),
                box_id=box_id,
                number=numbers[box_id],
                is_favorite=i % FAVORITE == 0,
                rating=i % 6,
                seed=seed,
                prompt=prompt,
                metadata=_metadata(prompt, seed, pages[i % PAGES]),
                created_at=FIRST + APART * i,
            )


def _filler(chance: random.Random) -> str:
    """Long enough for a row; without the words that are searched for."""
    return " ".join(f"{chance.choice(WORDS)}-{chance.randrange(10**6)}" for _ in range(METADATA_BYTES // 8))


def _prompt(chance: random.Random, i: int) -> str:
    """Twenty words; a quarter has the common one, a hundredth the phrase, a five-thousandth the rare one."""
    words = chance.choices(WORDS, k=20)
    if i % 4 == 0:
        words[7] = COMMON
    if i % 100 == 50:
        words[12] = PHRASE
    if i % 5000 == 77:
        words[3] = RARE
    return " ".join(words)


def _metadata(prompt: str, seed: int, filler: str) -> str:
    head = f'{{"prompt": "{prompt}", "seed": {seed}, "graph": "'
    return head + filler[: METADATA_BYTES - len(head) - 2] + '"}'


def fill(store: Store, production: Production) -> None:
    """Into apom's own tables, many rows in a statement, all in one transaction: DuckDB writes the last rows of a table
    anew at each checkpoint, and here each statement would be followed by one.
    """
    with store.write() as tx:
        tx.take_time()
        for some in batches(production.rows()):
            tx.all(
                ASSETS,
                production.project_id,
                production.user_id,
                [row.id for row in some],
                [row.box_id for row in some],
                [row.number for row in some],
                [row.is_favorite for row in some],
                [row.rating for row in some],
                [row.seed for row in some],
                [row.file_key for row in some],
                [row.thumb_key for row in some],
                [row.placeholder for row in some],
                [row.created_at for row in some],
            )
            tx.all(RECIPES, [row.id for row in some], [row.prompt for row in some], [row.metadata for row in some])


def batches(found: Iterable[Row]) -> Iterator[list[Row]]:
    """As many as go into one statement: all of them at once would be a gigabyte."""
    left = iter(found)
    while some := list(islice(left, AT_ONCE)):
        yield some

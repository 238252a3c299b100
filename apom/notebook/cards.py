"""How records look below a cell: HTML without scripts, its colours made from those around it, light or dark.

What people wrote is escaped by `Markup.format`; it never becomes part of a template. Without its style sheet, which some
viewers strip, it is pictures with captions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from apom.config import LIMITS, MB
from apom.models import OPEN_STATUSES, AssetType, Box, Project, Status, Take
from apom.notebook.pictures import Pictures
from apom.words import N_, STATUS_WORDS, _, box_title, plural

PLAYED = ("video/mp4", "video/webm")  # by every browser
LARGE, SMALL, TALLEST = 640, 240, 560  # pixels

STYLE = Markup("""<style>
.apom { --quiet: color-mix(in srgb, currentColor 68%, transparent); --edge: color-mix(in srgb, currentColor 18%, transparent);
  --matte: color-mix(in srgb, currentColor 7%, transparent); --loud: #f2a63b;
  font: 13px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; padding: 4px 0; }
.apom figure, .apom figcaption, .apom p { margin: 0; padding: 0; text-align: left; }
.apom figcaption { margin-top: 6px; }
.apom .sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 16px 12px; max-width: 1320px; }
.apom figure { max-width: 320px; }
.apom figure.large { max-width: 640px; }
.apom .frame { position: relative; aspect-ratio: 16/9; overflow: hidden; border-radius: 8px; background: var(--matte); }
.apom .frame > * { display: block; width: 100%; height: 100%; max-width: none; margin: 0; object-fit: contain; }
.apom .frame:empty { box-shadow: inset 0 0 0 1px var(--edge); }
.apom .mosaic { display: grid; grid-template: 1fr 1fr / 1fr 1fr; gap: 2px; }
.apom .mosaic > img { min-height: 0; object-fit: cover; }
.apom .frame > .chips { position: absolute; left: 8px; top: 8px; width: auto; height: auto; display: flex; gap: 4px; }
.apom .frame > .low { top: auto; bottom: 8px; }
.apom .chip { padding: 1px 8px; border-radius: 999px; background: #0c0d0ecc; color: #fff; font-size: 12px; line-height: 18px; }
.apom .heart { color: #ff8fa0; }
.apom .loud { background: var(--loud); color: #1b1200; font-weight: 650; }
.apom .frame > .state { position: absolute; inset: 0; box-sizing: border-box; display: flex; flex-direction: column; gap: 8px;
  align-items: center; justify-content: center; padding: 12px; text-align: center; border-radius: 8px;
  box-shadow: inset 0 0 0 1px var(--edge); }
.apom .why { max-width: 40ch; max-height: 4.4em; overflow: auto; overflow-wrap: anywhere; }
.apom .words { max-height: 8.7em; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.apom .quiet { color: var(--quiet); font-size: 12px; overflow-wrap: anywhere; }
</style>""")
BODY = Markup('<div class="apom">{style}{content}{notes}</div>')
SHEET = Markup('<div class="sheet">{}</div>')
FIGURE = Markup('<figure class="{size}"><div class="frame {kind}"{shape}>{content}</div>')
CAPTION = Markup("<figcaption><b>{name}</b>{lines}</figcaption></figure>")
LINE = Markup('<p class="{kind}">{text}</p>')
PICTURE = Markup('<img src="{src}" alt="{alt}" width="{width}">')
PLAYER = Markup('<video controls playsinline preload="metadata" src="{src}"{poster} width="{width}"></video>')
POSTER = Markup(' poster="{}"')
SHAPE = Markup(' style="aspect-ratio: {width} / {height}; max-width: {most}px"')
CHIPS = Markup('<div class="chips {place}">{chips}</div>')
CHIP = Markup('<span class="chip {kind}">{text}</span>')
STATE = Markup('<div class="state">{chip}<span class="why">{why}</span></div>')


def page(content: Markup, pictures: Pictures, *notes: str) -> Markup:
    """A whole output: cards, what was too much for it, and what else is to be said."""
    said = [*notes]
    if pictures.left_out:
        said.append(
            plural(
                "{n} picture is left out: it would be too much for one output. Show fewer takes.",
                "{n} pictures are left out: they would be too much for one output. Show fewer takes.",
                pictures.left_out,
            )
        )
    return BODY.format(style=STYLE, content=content, notes=_lines("quiet", said))


def nothing() -> Markup:
    """An empty list."""
    return LINE.format(kind="quiet", text=_("Nothing here yet."))


def sheet(cards: Iterable[Markup]) -> Markup:
    """Cards side by side, as many as there is room for."""
    return SHEET.format(Markup("").join(cards))


def take_tile(take: Take, pictures: Pictures, code: str = "") -> Markup:
    """A take on a contact sheet, a clip by its poster. `code`: of its shot, where there are takes of several."""
    content = _still(take, pictures, SMALL)
    if _is_here(take):
        content += _chips("", _marks(take)) + _chips("low", [("", f"▶ {_seconds(take)}")] if _is_clip(take) else [])
    name = " · ".join(filter(None, [code, _title(take)]))
    return _figure(content) + _caption(name, quiet=[_recipe(take)])


def take_card(take: Take, pictures: Pictures) -> Markup:
    """A take by itself: the picture or a player, the words it was made from, and what is known about it."""
    content, note = (
        _player(take, pictures) if _is_clip(take) and _is_here(take) else (_still(take, pictures, LARGE), "")
    )
    if take.status in OPEN_STATUSES:
        note = _("So it was at {time:%H:%M:%S} UTC. Look again: ws.asset(take)", time=take.updated_at)
    facts = " · ".join(filter(None, [*(text for _, text in _marks(take)), _recipe(take), _measures(take)]))
    return _figure(content, size="large" if _is_here(take) else "", shape=_shape(take)) + _caption(
        _title(take), words=pictures.prompt(take), quiet=[facts, note]
    )


def box_tile(box: Box, pictures: Pictures) -> Markup:
    """A shot as its cover, with what is in it."""
    src = pictures.uri(box.cover_key) or box.cover_placeholder
    counts = [plural("{n} take", "{n} takes", box.assets_count), *_moving(box.active_count, box.attention_count)]
    return _figure(_picture(src, box.name, SMALL)) + _caption(box_title(box.code, box.name), quiet=[" · ".join(counts)])


def project_tile(project: Project, covers: Sequence[tuple[str, str | None]], pictures: Pictures) -> Markup:
    """A project as up to four of its covers, with what is in it."""
    shown = [_picture(pictures.uri(key) or placeholder, "", SMALL // 2) for key, placeholder in covers]
    counts = [
        plural("{n} shot", "{n} shots", project.boxes_count),
        plural("{n} take", "{n} takes", project.assets_count),
        *_moving(project.active_count, project.attention_count),
    ]
    kind = "mosaic" if len(shown) > 1 else ""
    return _figure(Markup("").join(shown), kind=kind) + _caption(project.name, quiet=[" · ".join(counts)])


def _figure(content: Markup, *, size: str = "", kind: str = "", shape: str = "") -> Markup:
    return FIGURE.format(size=size, kind=kind, shape=shape, content=content)


def _shape(take: Take) -> str:
    """Its own shape; what is upright gets narrower, so that it fits on a screen."""
    if not take.width or not take.height:
        return ""
    return SHAPE.format(
        width=take.width, height=take.height, most=min(LARGE, round(TALLEST * take.width / take.height))
    )


def _caption(name: str, *, words: str = "", quiet: Sequence[str] = ()) -> Markup:
    return CAPTION.format(name=name, lines=_lines("words", [words]) + _lines("quiet", quiet))


def _lines(kind: str, texts: Sequence[str]) -> Markup:
    return Markup("").join(LINE.format(kind=kind, text=text) for text in texts if text)


def _picture(src: str | None, alt: str, width: int) -> Markup:
    return PICTURE.format(src=src, alt=alt, width=width) if src else Markup("")


def _still(take: Take, pictures: Pictures, width: int) -> Markup:
    """The picture of a take, or how it is when there is none."""
    if _is_here(take):
        return _picture(pictures.uri(take.thumb_key) or take.placeholder, _title(take), width)
    kind = "loud" if take.status is Status.ATTENTION else ""
    return STATE.format(chip=CHIP.format(kind=kind, text=_(STATUS_WORDS[take.status])), why=take.error_message or "")


def _player(take: Take, pictures: Pictures) -> tuple[Markup, str]:
    """A clip that plays, and what has to be said about it."""
    poster = pictures.uri(take.thumb_key)
    is_whole = (take.bytes or 0) <= LIMITS.shown_clip_bytes and take.mime in PLAYED
    src = pictures.uri((take.proxy_key or take.file_key) if is_whole else take.preview_key)
    file = _('The whole clip as a file: apom.save(take, "clips")') if take.file_key else ""
    if src is None:
        return _picture(poster or take.placeholder, _title(take), LARGE), file
    player = PLAYER.format(src=src, poster=POSTER.format(poster) if poster else "", width=LARGE)
    return player, "" if is_whole else _("This is a short preview without sound.") + " " + file


def _chips(place: str, chips: Sequence[tuple[str, str]]) -> Markup:
    """Words on a picture: (kind, text) each."""
    drawn = Markup("").join(CHIP.format(kind=kind, text=text) for kind, text in chips)
    return CHIPS.format(place=place, chips=drawn) if drawn else Markup("")


def _marks(take: Take) -> list[tuple[str, str]]:
    """What people think of it, as chips."""
    marks = [("heart", "♥" * take.is_favorite), ("", _("Headliner") * take.is_headliner), ("", "★" * take.rating)]
    return [(kind, text) for kind, text in marks if text]


def _title(take: Take) -> str:
    names = {AssetType.VIDEO: N_("Clip {n}"), AssetType.AUDIO: N_("Sound {n}")}
    return _(names.get(take.asset_type, N_("Take {n}")), n=take.number)


def _recipe(take: Take) -> str:
    """What made it."""
    seed = "" if take.seed is None else _("seed {seed}", seed=take.seed)
    return " · ".join(filter(None, [take.ai_model.rpartition("/")[2], seed]))


def _measures(take: Take) -> str:
    """How large it came out."""
    if not take.bytes:
        return ""
    size = f"{take.width} × {take.height}" if take.width else ""
    measures = [size, _seconds(take) if take.duration_s else "", f"{take.bytes / MB:.1f} MB"]
    return " · ".join(filter(None, measures))


def _seconds(take: Take) -> str:
    return f"{round(take.duration_s or 0, 1):g} s"


def _moving(active: int, attention: int) -> list[str]:
    return [
        f"{count} {_(STATUS_WORDS[status]).lower()}"
        for count, status in ((active, Status.PROCESSING), (attention, Status.ATTENTION))
        if count
    ]


def _is_here(take: Take) -> bool:
    return take.status is Status.COMPLETED


def _is_clip(take: Take) -> bool:
    return take.asset_type is AssetType.VIDEO

"""Downloads in a real browser, with the originals coming from the bucket itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import idle, listen, loaded, screen
from playwright.sync_api import Browser, expect
from test_providers_page import PASSWORD, sign_in

from apom import testing
from apom.config import Settings
from apom.media.recipes import read_recipe
from apom.models import Role
from apom.studio import Studio
from apom.testing.s3 import BUCKET, S3Server


@pytest.mark.usefixtures("credentials")
def test_the_big_view_shows_from_the_bucket_and_offers_both_files(
    browser: Browser, s3_server: S3Server, tmp_path: Path
) -> None:
    bucket = {"s3_bucket": BUCKET, "s3_endpoint": s3_server.url, "s3_region": "us-east-1", "s3_prefix": tmp_path.name}
    with Studio.open(Settings(data_dir=tmp_path, sandbox_image_s=0.05, **bucket)) as studio:  # type: ignore[arg-type]
        for name in ("alice", "victor"):
            studio.operator().add_user(name, PASSWORD)
        alice = studio.workspace(studio.accounts.acting("alice"))
        project = alice.create_project("Lighthouse")
        shot = alice.create_box(project, "Harbour")
        take = alice.wait(alice.generate(shot, "harbour at dawn"), timeout_s=60)[0]
        alice.set_member(project, "victor", Role.VIEWER)
    where = f"/box?box={shot.id}&take={take.id}"
    with testing.server(tmp_path, **bucket, s3_redirect="1") as app:
        page = sign_in(browser, app.url, "alice", where)
        errors = listen(page)
        came: list[str] = []
        page.on("response", lambda answer: came.append(f"{answer.status} {answer.url.partition('?')[0]}"))
        loaded(page.locator(".picture img"), 1)
        assert f"307 {app.url}{take.file_url}" in came
        assert f"200 {s3_server.url}/{BUCKET}/{tmp_path.name}/{take.file_key}" in came
        idle(page)
        for label, prompt in (("Download with prompt and seed", "harbour at dawn"), ("Download clean", "")):
            with page.expect_download() as coming:
                page.get_by_role("link", name=label).click()
            file = coming.value
            assert file.suggested_filename == f"010_{take.id.hex[:8]}.png"
            file.save_as(tmp_path / "kept.png")
            assert read_recipe(tmp_path / "kept.png").prompt == prompt
        screen(page, "downloads", tmp_path)
        page.set_viewport_size({"width": 390, "height": 844})
        idle(page)
        page.get_by_role("link", name="Download clean").scroll_into_view_if_needed()
        screen(page, "downloads-phone", tmp_path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert errors == []
        victor = sign_in(browser, app.url, "victor", where)
        expect(victor.get_by_role("link", name="Download", exact=False)).to_have_count(1, timeout=30_000)
        assert "X-Amz" not in "".join(app.said)

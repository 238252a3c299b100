"""What is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from apom.asking import DEFAULT_IMAGE, DEFAULT_VIDEO, id_of
from apom.continuing import Onward
from apom.generate import Order
from apom.models import AIModel, AssetType, Batch, BatchOrder, BatchPlan, InputRole, Page, Ref, Rows, Take
from apom.studio.workspace.part import Part


class Ordering(Part):
    """Orders: one recipe, or many at once."""

    def models(self, asset_type: AssetType | None = None) -> Rows[AIModel]:
        """What can be generated with."""
        return Rows(self._studio.generate.models(asset_type), AIModel)

    def generate(
        self,
        box: Ref,
        prompt: str,
        *,
        model: str = DEFAULT_IMAGE,
        params: Mapping[str, JsonValue] | None = None,
        inputs: Sequence[tuple[InputRole, Ref]] = (),
        n: int = 1,
        with_style: bool = True,
        token: str | None = None,
    ) -> Rows[Take]:
        """`n` takes with different seeds, PENDING; the engine goes on by itself. See `apom.generate.Order`.

        `with_style`: the project's style follows the prompt, where it has one and this is no edit of a take.
        Raises NotFound, NotAllowed, Invalid, Conflict; nothing is stored or sent then.
        """
        used = [(InputRole(role), id_of(source)) for role, source in inputs]
        order = Order(
            prompt=prompt, model=model, params=params or {}, inputs=used, n=n, with_style=with_style, token=token
        )
        return Rows(self._studio.generate.order(self.actor, id_of(box), order), Take)

    def animate(
        self,
        asset: Ref,
        prompt: str = "",
        *,
        model: str = DEFAULT_VIDEO,
        with_style: bool = True,
        token: str | None = None,
    ) -> Take:
        """A clip that starts from this picture; without a prompt, with the very words the picture was sent with.

        `with_style`: the project's style follows the prompt. Raises as `generate` does.
        """
        picture = self._studio.assets.get(self.actor, id_of(asset))
        inputs = [(InputRole.FIRST_FRAME, picture)]
        words = prompt or picture.prompt_text
        style = with_style and bool(prompt)
        return self.generate(picture.box_id, words, model=model, inputs=inputs, with_style=style, token=token)[0]

    def edit(self, asset: Ref, words: str, *, n: int = 1, token: str | None = None) -> Rows[Take]:
        """Smart Edit: `n` takes made from this picture, changed by words, beside it. An admin sets with which model.

        Raises as `generate` does.
        """
        return Rows(self._studio.editing.edit(self.actor, id_of(asset), words, n=n, token=token), Take)

    def continue_shot(
        self,
        box: Ref,
        prompt: str = "",
        *,
        clip: Ref | None = None,
        into: Ref | None = None,
        adds_shot: bool = False,
        model: str = DEFAULT_VIDEO,
        with_style: bool = True,
        token: str | None = None,
    ) -> Take:
        """A clip that begins with the last frame of this shot's headliner, or of `clip`; that picture becomes a take too.

        It goes `into` a shot, else into the one that follows, which `adds_shot` adds after the last. Without a prompt it
        has that shot's, else the very words the clip was sent with. `with_style`: as for `animate`.
        Raises as `generate` does, and BadMedia.
        """
        wish = Onward(
            box_id=id_of(box),
            words=prompt,
            model=model,
            clip_id=None if clip is None else id_of(clip),
            into_id=None if into is None else id_of(into),
            adds_shot=adds_shot,
            with_style=with_style,
            token=token,
        )
        return self._studio.continuing.go_on(self.actor, wish)

    # many at once

    def estimate_batch(self, project: Ref, order: BatchOrder) -> BatchPlan:
        """What an order would come to, model by model, and every reason why it would be refused. Raises NotFound."""
        return self._studio.batches.estimate(self.actor, id_of(project), order)

    def order_batch(self, project: Ref, order: BatchOrder, *, token: str | None = None) -> Batch:
        """Each prompt with each model in each shot with each seed, admitted whole or not at all.

        The same `token` again is the same batch. Raises NotFound, NotAllowed, Invalid, Conflict, and Refused with every
        reason.
        """
        return self._studio.batches.order(self.actor, id_of(project), order, token)

    def batches(self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 50) -> Page[Batch]:
        """Batches of a project, or of all the actor's projects, newest first. Raises NotFound, Invalid."""
        return self._studio.batches.page(self.actor, None if project is None else id_of(project), cursor, limit)

    def batch(self, batch: Ref) -> Batch:
        """A batch as it is now. Raises NotFound."""
        return self._studio.batches.get(self.actor, id_of(batch))

    def pause_batch(self, batch: Ref) -> Batch:
        """Nothing more of it is sent from now on; what was sent goes on. Raises NotFound, NotAllowed."""
        return self._studio.batches.pause(self.actor, id_of(batch))

    def resume_batch(self, batch: Ref) -> Batch:
        """What waits goes into line again. Raises NotFound, NotAllowed."""
        return self._studio.batches.resume(self.actor, id_of(batch))

    def cancel_batch(self, batch: Ref) -> Batch:
        """Stops all of it that is on its way, each take as `cancel` does. Raises NotFound, NotAllowed."""
        return self._studio.batches.cancel(self.actor, id_of(batch))

    def retry_batch(self, batch: Ref, *, token: str | None = None) -> Batch:
        """What failed or was cancelled once more, with the same recipe and seed, as new takes of the batch.

        All of it or nothing; what waits for a person, arrived after all or is in the trash is left alone. The same
        `token` again changes nothing. Raises NotFound, NotAllowed, Invalid, and Refused with every reason.
        """
        return self._studio.batches.retry(self.actor, id_of(batch), token)

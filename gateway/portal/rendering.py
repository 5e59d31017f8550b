"""Templates in one environment per language, and what every template may use."""

from collections.abc import Callable
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from gateway.portal import texts, timeline
from gateway.portal.assets import Assets
from gateway.portal.cells import panel_versions, park_cells
from gateway.portal.languages import locale_for
from gateway.portal.model import Park
from gateway.portal.words import Words
from services.contracts.intervals import Interval
from services.runtime.web import Language

CANDIDATES_SHOWN: Final = 3
_ICON: Final = Markup(
    '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"></use></svg>'
)

Namer = Callable[[str], Callable[[str], str]]
GradeAtSize = Callable[[int, float], str | None]


class Renderer:
    """Renders for any language.

    Args:
        assets: whose addresses the pages name.
        namer: gives the function that names taxonomy codes in a language.
        grade_at: names the tolerance grade of a ± value in µm at a nominal size in mm.
    """

    def __init__(self, assets: Assets, namer: Namer, grade_at: GradeAtSize | None = None) -> None:
        self.assets = assets
        self._namer = namer
        self._grade_at = grade_at

    def words(self, language: Language) -> Words:
        return Words(locale_for(language), self._namer(language), self._grade_at)

    def html(self, template: str, park: Park, language: Language, **facts: object) -> str:
        """``template`` as HTML.

        Raises:
            AssetsNotBuiltError: the assets are not built.
        """
        icons, words = self.assets.url("icons.svg"), self.words(language)
        return (
            _environment(language)
            .get_template(template)
            .render(
                park=park,
                words=words,
                locale=words.locale,
                cells=park_cells(park, words, icons),
                versions=panel_versions(park),
                shown_candidates=CANDIDATES_SHOWN,
                icons_url=icons,
                asset=self.assets.url,
                **facts,
            )
        )

    def page(self, template: str, language: Language, **facts: object) -> str:
        """A page without the park, as HTML.

        Raises:
            AssetsNotBuiltError: the assets are not built.
        """
        return (
            _environment(language)
            .get_template(template)
            .render(
                locale=locale_for(language),
                icons_url=self.assets.url("icons.svg"),
                asset=self.assets.url,
                **facts,
            )
        )


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = locale_for(language).catalogue
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(icon=_icon, texts=texts, timeline=timeline, interval=Interval)
    return environment


@pass_context
def _icon(context: Context, name: str) -> Markup:
    return _ICON.format(f"{context['icons_url']}#{name}")

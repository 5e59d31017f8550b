"""``/taxonomy``: processes, materials, certificate kinds and tolerances, with search."""

from typing import Annotated, Final

from fastapi import Depends, Query, Request

from marketplace.taxonomy.domain import Taxonomy
from marketplace.taxonomy.schemas import (
    CertificateList,
    MaterialList,
    ProcessList,
    ToleranceOut,
)
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import requires

FOUND_MAX: Final = 50

router = api_router(
    prefix="/taxonomy", tags=["taxonomy"], dependencies=[requires(Action.TAXONOMY_READ)]
)


def _taxonomy(request: Request) -> Taxonomy:
    taxonomy: Taxonomy = request.app.state.catalogue
    return taxonomy


TaxonomyDep = Annotated[Taxonomy, Depends(_taxonomy)]
SearchedDep = Annotated[
    str | None, Query(max_length=100, description="part of a code, name or alias, zh or en")
]


@router.get("/processes", summary="Processes, as a tree in order")
async def list_processes(taxonomy: TaxonomyDep, q: SearchedDep = None) -> ProcessList:
    tree = taxonomy.processes
    return ProcessList.of(tree if q is None else tree.search(q, limit=FOUND_MAX))


@router.get("/materials", summary="Materials, families before grades")
async def list_materials(taxonomy: TaxonomyDep, q: SearchedDep = None) -> MaterialList:
    tree = taxonomy.materials
    return MaterialList.of(tree if q is None else tree.search(q, limit=FOUND_MAX))


@router.get("/certificates", summary="Certificate kinds")
async def list_certificates(taxonomy: TaxonomyDep, q: SearchedDep = None) -> CertificateList:
    tree = taxonomy.certificates
    return CertificateList.of(tree if q is None else tree.search(q, limit=FOUND_MAX))


@router.get("/tolerances/{grade}", summary="An ISO 286 grade or ISO 2768-1 class as a ± value")
async def get_tolerance(
    taxonomy: TaxonomyDep, grade: str, nominal_mm: Annotated[float, Query(gt=0, le=10_000)]
) -> ToleranceOut:
    limit = taxonomy.tolerance_um(grade, nominal_mm)
    return ToleranceOut(grade=grade, nominal_mm=nominal_mm, plus_minus_um=limit)

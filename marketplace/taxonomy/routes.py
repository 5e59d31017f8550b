"""``/taxonomy``: processes, materials, certificates, tolerances, industries and regions."""

from typing import Annotated, Final

from fastapi import Depends, Query, Request

from marketplace.taxonomy.domain import Taxonomy
from marketplace.taxonomy.regions import load_regions
from marketplace.taxonomy.schemas import (
    CertificateList,
    FoundOut,
    IndustryOut,
    MaterialList,
    ProcessList,
    RegionList,
    RegionOut,
    SectionList,
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


@router.get("/industries", summary="Sections of GB/T 4754-2017")
async def list_industries(taxonomy: TaxonomyDep, q: SearchedDep = None) -> SectionList:
    industries = taxonomy.industries
    return SectionList.of(industries if q is None else industries.search(q))


@router.get("/industries/{industry_code}", summary="An industry of GB/T 4754 taken apart")
async def get_industry(taxonomy: TaxonomyDep, industry_code: str) -> IndustryOut:
    return IndustryOut.model_validate(taxonomy.industries.read(industry_code))


@router.get("/regions", summary="Regions of GB/T 2260: provinces, or what is searched for")
def list_regions(q: SearchedDep = None) -> RegionList:
    regions = load_regions()
    return RegionList.of(regions.provinces() if q is None else regions.search(q, limit=FOUND_MAX))


@router.get("/regions/{region_code}", summary="One region of GB/T 2260")
def get_region(region_code: str) -> RegionOut:
    return RegionOut.model_validate(load_regions().find(region_code))


@router.get("/search", summary="Terms of every taxonomy by a word, in Chinese or English")
def search_terms(
    taxonomy: TaxonomyDep,
    q: Annotated[str, Query(min_length=1, max_length=100)],
    limit: Annotated[int, Query(ge=1, le=FOUND_MAX)] = 10,
) -> FoundOut:
    found = {
        "processes": taxonomy.processes.search(q, limit=limit),
        "materials": taxonomy.materials.search(q, limit=limit),
        "certificates": taxonomy.certificates.search(q, limit=limit),
        "industries": taxonomy.industries.search(q)[:limit],
        "regions": load_regions().search(q, limit=limit),
    }
    return FoundOut.model_validate(found, from_attributes=True)

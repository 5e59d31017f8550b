"""What is refused of directions, their kinds, attributes and facets."""

from typing import ClassVar

from services.contracts.errors import DomainError, ErrorKind


class UnknownDirectionError(DomainError):
    code: ClassVar[str] = "unknown-direction"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "There is no direction {direction!r}; these are open: {known}. GET /api/v1/directions."
    )
    zh: ClassVar[str] = "没有方向 {direction!r}；现有方向：{known}。见 GET /api/v1/directions。"


class DirectionNotFoundError(UnknownDirectionError):
    code: ClassVar[str] = "direction-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND


class KindNotInDirectionError(DomainError):
    code: ClassVar[str] = "kind-not-in-direction"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Direction {direction!r} has no resources of kind {resource_kind!r}; it has: {known}."
    )
    zh: ClassVar[str] = "方向 {direction!r} 不含资源种类 {resource_kind!r}；可用种类：{known}。"


class KindNotFoundError(KindNotInDirectionError):
    code: ClassVar[str] = "kind-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND


class VisibilityNotInDirectionError(DomainError):
    code: ClassVar[str] = "visibility-not-in-direction"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "What is offered in direction {direction!r} cannot be visible to {visibility!r};"
        " choose one of: {known}."
    )
    zh: ClassVar[str] = (
        "方向 {direction!r} 中的要约不能使用可见范围 {visibility!r}；可选：{known}。"
    )


class AttributeUnknownError(DomainError):
    code: ClassVar[str] = "attribute-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "In direction {direction!r} nothing is said by {attribute!r} of {kinds}; attributes there"
        " are: {known}."
    )
    zh: ClassVar[str] = "方向 {direction!r} 中 {kinds} 没有属性 {attribute!r}；可用属性：{known}。"


class AttributeMissingError(DomainError):
    code: ClassVar[str] = "attribute-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "In direction {direction!r} {kinds} must say {attribute!r} ({label}); add it to attributes."
    )
    zh: ClassVar[str] = (
        "方向 {direction!r} 中 {kinds} 必须填写 {attribute!r}（{label_zh}）；请补充到 attributes。"
    )


class AttributeInvalidError(DomainError):
    code: ClassVar[str] = "attribute-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Attribute {attribute!r} ({label}) is {value}; its JSON Schema asks for {wanted}."
    )
    zh: ClassVar[str] = (
        "属性 {attribute!r}（{label_zh}）的值为 {value}；其 JSON Schema 要求 {wanted}。"
    )


class FacetUnknownError(DomainError):
    code: ClassVar[str] = "facet-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Direction {direction!r} has no facet {facet!r}; it has: {known}. Write it as name:value"
        " or name:low..high."
    )
    zh: ClassVar[str] = (
        "方向 {direction!r} 没有筛选项 {facet!r}；可用筛选项：{known}。"
        "写法为 名称:值 或 名称:下限..上限。"
    )


class FacetInvalidError(DomainError):
    code: ClassVar[str] = "facet-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Facet {facet!r} cannot be {value!r}; give {wanted}."
    zh: ClassVar[str] = "筛选项 {facet!r} 不能为 {value!r}；应为 {wanted}。"


class FacetsNeedDirectionError(DomainError):
    code: ClassVar[str] = "facets-need-direction"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Attributes belong to a direction; name it by direction=… as well."
    zh: ClassVar[str] = "属性隶属于方向；请同时给出 direction=…。"

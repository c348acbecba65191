//! Writes what the registries determine: generated stacks, the catalogue, the OpenAPI document.

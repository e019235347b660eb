/** A program of the services tier and how it is built. */
export interface Program {
  readonly name: string;
  /** Rebuilt when this changes. */
  readonly version: string;
  /** `go install` of a package at a version, or a folder with a small wrapper of ours. */
  readonly source: { readonly install: string } | { readonly wrapper: string };
}

/** Newest versions that build with Go 1.26; none needs cgo. */
export const PROGRAMS: readonly Program[] = [
  { name: 'registry', version: '0.22.1', source: { wrapper: 'registry' } },
  { name: 'timestamp', version: '2.1.3', source: { wrapper: 'timestamp' } },
  { name: 'fulcio', version: '1.8.8', source: { install: 'github.com/sigstore/fulcio@v1.8.8' } },
  { name: 'rekor', version: '2.3.0', source: { install: 'github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0' } },
  { name: 'distribution', version: '3.1.2', source: { install: 'github.com/distribution/distribution/v3/cmd/registry@v3.1.2' } },
  { name: 'crane', version: '0.22.1', source: { install: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1' } },
  { name: 'cosign', version: '3.1.3', source: { install: 'github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3' } },
];

import type { Opset } from '../model/index.ts';
import { canonicalDomain, domainName, newestOpset } from '../operators/index.ts';
import { clip, type Findings } from './finding.ts';

/**
 * Checks the operator sets that a model or function imports: each domain once, in versions that exist. `ownDomains` are
 * those of the model's functions, which need not be known.
 */
export function checkOpsets(
  opsets: readonly Opset[],
  ownDomains: ReadonlySet<string>,
  graph: string,
  findings: Findings,
): void {
  const seen = new Set<string>();
  for (const opset of opsets) {
    const domain = canonicalDomain(opset.domain);
    const newest = newestOpset(domain);
    const name = clip(domainName(domain));
    if (seen.has(domain))
      findings.error('name-duplicate', `the operator set of ${name} is imported twice`, { graph });
    seen.add(domain);
    if (opset.version < 1)
      findings.error('opset-unknown', `${name} has no operator set ${opset.version}`, { graph });
    else if (newest === undefined && ownDomains.has(domain)) continue;
    else if (newest === undefined)
      findings.warning('domain-unknown', `the operators of ${name} are not known, they are not checked`, {
        graph,
      });
    else if (opset.version > newest)
      findings.warning(
        'opset-unknown',
        `operator set ${opset.version} of ${name} is newer than ${newest}, the newest known: what changed since is not checked`,
        { graph },
      );
  }
}

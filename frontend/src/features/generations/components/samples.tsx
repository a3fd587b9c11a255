/** Documents that differ: which, where, and what explains it. A golden record leads to its lineage. */
import { useTranslation } from "react-i18next";
import { Panel } from "@/components/ui/panel";
import { RecordLink } from "@/components/ui/record-link";
import type { Schemas } from "@/lib/api-client";
import { ENTITY_TYPES } from "@/lib/entity-types";

type Sample = Schemas["DifferenceSample"];

export function Samples({ collections }: Pick<Schemas["ComparisonDetail"], "collections">) {
  const { t } = useTranslation();
  const found = collections.filter(({ samples }) => samples.length > 0);
  if (found.length === 0) return null;
  return (
    <Panel title={t("comparison.samples")} hint={t("comparison.samplesHint")}>
      <div className="flex flex-col gap-4">
        {found.map(({ collection, samples }) => (
          <section key={collection} aria-label={collection} className="min-w-0">
            <h3 className="mb-1 font-mono text-ink-2 text-xs">{collection}</h3>
            <ul className="divide-y divide-line border-line border-y">
              {samples.map((sample) => (
                <SampleLine key={sample.id} collection={collection} sample={sample} />
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Panel>
  );
}

function SampleLine({ collection, sample }: { collection: string; sample: Sample }) {
  const { t } = useTranslation();
  const where = sample.only_before
    ? t("comparison.sampleOnlyBefore")
    : sample.only_after
      ? t("comparison.sampleOnlyAfter")
      : sample.fields.join("  ");
  const why = sample.explained_by.join(", ");
  return (
    <li data-sample={sample.id} className="flex flex-col gap-0.5 py-2 text-[0.8125rem]">
      <DocumentId collection={collection} id={sample.id} />
      <span className="break-words font-mono text-2xs text-ink-2">{where}</span>
      {why ? (
        <span className="text-ink-2 text-xs">{t("comparison.explainedBy", { parts: why })}</span>
      ) : (
        <span className="font-medium text-bad text-xs">{t("comparison.notExplained")}</span>
      )}
    </li>
  );
}

function DocumentId({ collection, id }: { collection: string; id: string }) {
  const type = ENTITY_TYPES.find((known) => collection === `canonical_${known}`);
  if (!type) return <span className="break-all font-mono text-xs">{id}</span>;
  return (
    <RecordLink type={type} id={id} className="font-mono text-xs">
      {id}
    </RecordLink>
  );
}

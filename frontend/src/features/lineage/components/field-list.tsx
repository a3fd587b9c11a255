/** Field by field: the value, the rule, who said it, and who said something else. */
import { useTranslation } from "react-i18next";
import { Panel } from "@/components/ui/panel";
import { RecordLink } from "@/components/ui/record-link";
import type { LineageField } from "@/features/lineage/api/get-lineage";
import { FieldValue } from "@/features/lineage/components/field-value";
import { SourceName } from "@/features/lineage/components/source-name";
import type { Schemas } from "@/lib/api-client";
import type { EntityType } from "@/lib/entity-types";
import { dateTime, integer } from "@/lib/format";

export function FieldList({ fields }: { fields: LineageField[] }) {
  const { t } = useTranslation();
  return (
    <Panel title={t("lineage.fields")} hint={t("lineage.fieldsHint")} flush>
      <ul className="divide-y divide-line border-line border-t">
        {fields.map((line) => (
          <FieldLine key={line.field} line={line} />
        ))}
      </ul>
    </Panel>
  );
}

function FieldLine({ line }: { line: LineageField }) {
  return (
    <li
      data-field={line.field}
      data-rule={line.rule}
      className="grid grid-cols-[minmax(0,1fr)] gap-x-6 gap-y-1 px-4 py-2.5 text-[0.8125rem] md:grid-cols-[11rem_minmax(0,2fr)_minmax(0,3fr)]"
    >
      <h3 className="break-words font-mono text-ink-2 text-xs md:pt-px">{line.field}</h3>
      <p className="break-words font-medium">
        <Value line={line} />
      </p>
      <div className="flex min-w-0 flex-col gap-1">
        <p className="text-ink-2 first-letter:uppercase">{line.text}</p>
        {line.winner && <Said statement={line.winner} />}
        <Inputs inputs={line.inputs} />
        <Losers losers={line.losers} />
      </div>
    </li>
  );
}

/** Fields that name another record of the canonical zone. */
const REFERENCES: Partial<Record<string, EntityType>> = {
  account: "accounts",
  contact: "contacts",
  opportunity: "opportunities",
  owner: "users",
  team: "teams",
};

/** A named record leads on to its own lineage. */
function Value({ line: { field, value } }: { line: LineageField }) {
  const type = REFERENCES[field];
  const id: unknown = value;
  if (!type || typeof id !== "string") return <FieldValue value={value} />;
  return (
    <RecordLink type={type} id={id}>
      {id}
    </RecordLink>
  );
}

/** Who said it; of an edit: which person, and when. */
function Said({ statement }: { statement: Schemas["LineageStatement"] }) {
  const { t } = useTranslation();
  const { edited_at, edited_by, source } = statement;
  return (
    <p data-winner={source.facet}>
      <SourceName source={source} />
      {edited_at && (
        <span className="text-ink-2 text-xs">
          {" "}
          {t("lineage.edited", { name: edited_by?.name ?? t("lineage.somebody"), time: dateTime(edited_at) })}
        </span>
      )}
    </p>
  );
}

function Inputs({ inputs }: Pick<LineageField, "inputs">) {
  const { t } = useTranslation();
  if (inputs.length === 0) return null;
  return (
    <div className="flex flex-wrap items-baseline gap-x-3 text-xs">
      <p className="text-ink-2">{t("lineage.inputs")}</p>
      <ul className="flex min-w-0 flex-wrap gap-x-4">
        {inputs.map(({ field, source }) => (
          <li key={field ?? source?.facet}>
            {source ? <SourceName source={source} /> : <span className="font-mono text-2xs">{field}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Losers({ losers }: Pick<LineageField, "losers">) {
  const { t } = useTranslation();
  if (losers.length === 0) return null;
  return (
    <details>
      <summary className="w-fit cursor-pointer py-1 text-accent-text text-xs">
        {t("lineage.losers", { count: losers.length, n: integer(losers.length) })}
      </summary>
      <ul className="mt-1 flex flex-col gap-2 border-line border-s-2 ps-3">
        {losers.map(({ statement, text, lost_by }) => (
          <li key={statement.source.facet} data-loser={statement.source.facet} data-lost-by={lost_by}>
            <p className="break-words">
              <FieldValue value={statement.value} />
            </p>
            <p className="text-ink-2 text-xs first-letter:uppercase">{text}</p>
            <SourceName source={statement.source} />
          </li>
        ))}
      </ul>
    </details>
  );
}

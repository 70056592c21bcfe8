package secops

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"time"

	"example.com/okta-secops/internal/action"
)

// PackageName is the name of the package.
const PackageName = Identifier + ".zip"

// imports are the imports of the source form and their form in a package, where all modules are in one folder.
var imports = []struct {
	source *regexp.Regexp
	built  string
}{
	{regexp.MustCompile(`(?m)^from soar_sdk\.(\w+) import `), "from $1 import "},
	{regexp.MustCompile(`(?m)^from \.\.core\.(\w+) import `), "from $1 import "},
	{regexp.MustCompile(`(?m)^from \.(\w+) import `), "from $1 import "},
}

func flatten(script []byte) []byte {
	for _, i := range imports {
		script = i.source.ReplaceAll(script, []byte(i.built))
	}
	return script
}

// Built returns the files of the built form by path, as mp build writes them.
func (i *Integration) Built() (map[string][]byte, error) {
	source, err := i.Source()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	documents := map[string]any{"Integration-" + Identifier + ".def": i.builtDefinition(), "RN.json": i.builtNotes()}
	for _, a := range i.actions {
		documents["ActionsDefinitions/"+a.stem()+".actiondef"] = a.builtMetadata()
		files["ActionsScripts/"+a.stem()+".py"] = flatten(source["actions/"+a.stem()+".py"])
	}
	for name, text := range source {
		switch dir, base := path.Split(name); {
		case dir == "core/" && base != "__init__.py":
			files["Managers/"+base] = flatten(text)
		case dir == "resources/ai/":
			files[name] = text
		}
	}
	for name, document := range documents {
		if files[name], err = encode(document); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

// Package returns the zip archive to import. The same files give the same bytes.
func (i *Integration) Package() ([]byte, error) {
	files, err := i.Built()
	if err != nil {
		return nil, err
	}
	return Archive(files)
}

// Archive returns a zip archive of files by path. The same files give the same bytes.
func Archive(files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(0o644)
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(files[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func (i *Integration) builtDefinition() map[string]any {
	properties := []map[string]any{}
	for _, p := range i.properties() {
		properties = append(properties, map[string]any{
			"IntegrationIdentifier": Identifier, "IsMandatory": p.Mandatory, "PropertyDescription": p.Description,
			"PropertyDisplayName": p.Name, "PropertyName": p.Name, "PropertyType": propertyTypes[p.Type], "Value": p.Default,
		})
	}
	return map[string]any{
		"Categories": i.definition().Categories, "Description": description, "DisplayName": displayName,
		"DocumentationLink": documentation, "Identifier": Identifier,
		"ImageBase64":           base64.StdEncoding.EncodeToString(i.written["resources/image.png"]),
		"IntegrationProperties": properties, "IsAvailableForCommunity": true, "IsCertified": true,
		"IsCustom": true, "IsPowerUp": false, "MarketingDisplayName": displayName, "MinimumSystemVersion": json.Number("5.3"),
		"PythonVersion": 3, "SVGImage": string(i.written["resources/logo.svg"]), "ShouldInstalledInSystem": false,
		"Version": json.Number(i.version()), "GoogleSecOpsProduct": false,
	}
}

func (i *Integration) builtNotes() []map[string]any {
	var notes []map[string]any
	for _, n := range i.notes {
		note := map[string]any{
			"ChangeDescription": n.Description, "Deprecated": false,
			"IntroducedInIntegrationVersion": json.Number(fmt.Sprintf("%.1f", n.Version)),
			"ItemName":                       n.ItemName,
			"ItemType":                       n.ItemType, "New": n.New, "Regressive": false, "Removed": false,
			"TicketNumber": n.Ticket, "PublishTime": nil,
		}
		if at, err := time.Parse(time.DateOnly, n.PublishTime); err == nil {
			note["PublishTime"] = at.Unix()
		}
		notes = append(notes, note)
	}
	return notes
}

func (a scriptAction) builtMetadata() map[string]any {
	parameters := []map[string]any{}
	for _, p := range a.parameters() {
		parameters = append(parameters, map[string]any{
			"DefaultValue": p.Default, "Value": p.Default, "Description": p.Description, "IsMandatory": p.Mandatory,
			"Name": p.Name, "Type": parameterTypes[p.Type], "OptionalValues": p.Values,
		})
	}
	var example bytes.Buffer
	_ = json.Compact(&example, a.example) // it was checked when it was made
	table := a.parametersTable()
	built := map[string]any{
		"Name": a.Name, "Description": a.describe(), "IntegrationIdentifier": Identifier, "Creator": creator,
		"DocumentationLink": documentation, "IsAsync": a.CanBeJob(), "IsCustom": true, "IsEnabled": true,
		"Version":          json.Number("1.0"),
		"ScriptResultName": "is_success", "DefaultResultValue": "false", "SimulationDataJson": `{"Entities": []}`,
		"DynamicResultsMetadata": []map[string]any{{
			"ResultName": "JsonResult", "ShowResult": true, "ResultExample": example.String(),
		}},
		"Parameters": parameters, "AiDescription": a.aiDescription() + "\n " + table, "AiShortDescription": a.Summary,
		"ParametersDescription": table,
	}
	if category, ok := categoryNames[a.Category]; ok {
		built["OutcomeCategories"] = []string{category}
		built["AiCategories"] = []string{"Remediation"}
		if a.Category == action.EnrichesAsset || a.Category == action.SearchesEvents {
			built["AiCategories"] = []string{"Enrichment"}
		}
	}
	if len(a.RunsOn) > 0 {
		built["EntityTypes"] = a.RunsOn
	}
	return built
}
